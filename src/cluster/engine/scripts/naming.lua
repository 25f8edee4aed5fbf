-- Carries a script out again that has failed at a key of another type, and names the key. The script is
-- the body of `whole`, with this `call` in the place of `redis.call`. Answers as the script does, or
-- "mistyped", the key, and the type that it has; "" if this user may not ask for types.
local mistyped
local function call(...)
  local answer = redis.pcall(...)
  if type(answer) ~= "table" or not answer.err then return answer end
  -- It fails once more, in its own words.
  if not answer.err:find("WRONGTYPE", 1, true) then return redis.call(...) end
  mistyped = select(2, ...)
  error(answer.err, 0)
end

local function whole()
-- The script.
end

local isDone, answer = pcall(whole)
if isDone then return answer end
if not mistyped then error(answer, 0) end
local kind = redis.pcall("TYPE", mistyped)
return { "mistyped", mistyped, kind.ok or "" }
