-- Carries a script out again that has failed at a key of another type, step by step: a step that needs
-- such a key fails alone. The script is the body of `whole`, with this `call` in the place of
-- `redis.call`. Answers as the script does, with the key and its type behind a list that begins with
-- "ok"; or "mistyped", the key and its type, where the script needs the key whatever its steps are. The
-- type is "" if this user may not ask for it.
local mistyped
-- All of them.
local foreign = {}
-- The key at which the script, or a step of it, fails.
local failedAt
-- The step that is being carried out, the inbox of its node, and the names of all nodes.
local letter, inbox, order

-- Steps that give something up do what is left to do: such a key is empty to them.
local GIVING_UP = {
  R = true,
  U = true,
  Q = true,
  forget = true,
  undoClaim = true,
  undoEntry = true,
  undoInfo = true,
  undoMeeting = true,
  undoPair = true,
}
-- Steps whose client can be refused. All others leave out an inbox that takes no items.
local REFUSABLE = {
  C = true,
  D = true,
  J = true,
  M = true,
  P = true,
  S = true,
  W = true,
  move = true,
  take = true,
}

-- Old records are swept outside of steps.
local function canLeaveOut(command, key)
  if key == inbox then return false end
  if not letter then return command == "HSCAN" end
  if GIVING_UP[letter] then return true end
  return (command == "XADD" or command == "XLEN") and not REFUSABLE[letter]
end

-- The answer of an empty key, but that a member was in its room, and that every node may know the room.
local function answerInstead(command)
  if command == "HGETALL" then
    local counts = {}
    for _, node in ipairs(order) do
      counts[#counts + 1] = node
      counts[#counts + 1] = "1"
    end
    return counts
  end
  if command == "HMGET" or command == "SMEMBERS" then return {} end
  if command == "HSCAN" then return { "0", {} } end
  if command == "HGET" or command == "SPOP" then return false end
  return command == "HDEL" and 1 or 0
end

-- Any key can be deleted, whatever its type.
local function deleteOwn(...)
  local deleted = 0
  for _, key in ipairs({ ... }) do
    if not foreign[key] then deleted = deleted + redis.call("DEL", key) end
  end
  return deleted
end

local function call(...)
  local command, key = ...
  if command == "DEL" then return deleteOwn(select(2, ...)) end
  local answer = redis.pcall(...)
  if type(answer) ~= "table" or not answer.err then return answer end
  -- It fails once more, in its own words.
  if not answer.err:find("WRONGTYPE", 1, true) then return redis.call(...) end
  mistyped = mistyped or key
  foreign[key] = true
  if canLeaveOut(command, key) then return answerInstead(command) end
  failedAt = key
  error(answer.err, 0)
end

-- A table of steps, each of which fails alone. The outcome of one that has failed: "!" for a message,
-- "@" and its place in the call for any other.
local function isolate(ownInbox, outcomes, allNodes)
  inbox, order = ownInbox, allNodes
  local steps = {}
  local place = 0
  local function isolated(name, carryOut)
    return function(...)
      -- A part of another step.
      if letter then return carryOut(...) end
      place = place + 1
      letter = name
      local isDone, why = pcall(carryOut, ...)
      letter = nil
      if isDone then return end
      if not failedAt or failedAt == inbox then error(why, 0) end
      failedAt = nil
      outcomes[#outcomes + 1] = name == "S" and "!" or string.format("@%d", place)
    end
  end
  return setmetatable({}, {
    __index = steps,
    __newindex = function(_, name, step)
      steps[name] = { step[1], isolated(name, step[2]) }
    end,
  })
end

local function whole()
-- The script.
end

local isDone, answer = pcall(whole)
if not isDone and not failedAt then error(answer, 0) end
local key = failedAt or mistyped
local kind = key and redis.pcall("TYPE", key).ok or ""
if not isDone then return { "mistyped", key, kind } end
if key and answer[1] == "ok" then
  answer[5] = key
  answer[6] = kind
end
return answer
