-- Carries out a call, by the steps that the texts before this one define.
if beats == "beat" then
  own.beat = now
  write(me)
  call("HSET", P .. "meta", "last", text(now))
  -- One node is enough.
  if me == order[1] then
    local sweepKept = defineSteps()
    sweepKept()
  end
end
if trim ~= "" then call("XTRIM", P .. "in:" .. me, "MINID", trim) end

local function describeNodes()
  local words = {}
  for _, node in ipairs(order) do
    local it = nodes[node]
    if it then
      words[#words + 1] = node .. " " .. it.name .. " " .. it.since .. " " ..
        (isAlive(node) and "1" or "0")
    end
  end
  return table.concat(words, ",")
end

local forming = math.max(0, form - now)
if forming > 0 and mode ~= "restore" then return { "forming", text(forming), describeNodes() } end

local answered = call("HGET", P .. "calls", me)
if answered then
  local known, words = answered:match("^(%S+) (.*)$")
  if known == number then return { "ok", text(forming), words, describeNodes() } end
  -- It was on its way on a connection that this node gave up long ago.
  if tonumber(number) < (tonumber(known) or 0) then return { "late" } end
end
-- An engine without room for this takes no write at all: otherwise it would carry out the first half
-- of a step, because commands that only delete pass.
call("HSET", P .. "calls", me, "- ")
local i = 9
while i <= #ARGV do
  if not steps[ARGV[i]] then defineSteps() end
  local step = steps[ARGV[i]]
  local arity = step[1]
  if arity == 0 then
    step[2]()
  else
    step[2](unpack(ARGV, i + 1, i + arity))
  end
  i = i + 1 + arity
end
local words = table.concat(outcomes, " ")
call("HSET", P .. "calls", me, number .. " " .. words)
return { "ok", text(forming), words, describeNodes() }
