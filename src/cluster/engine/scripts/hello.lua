-- A process registers. ARGV: prefix, run of the engine, name, process, lease, equal settings, the
-- incarnation that this process had (or ""), the beat after which another node of this name is taken
-- for dead (or ""), at its start the most nodes that the cluster may have (or ""), and what it knows of
-- other nodes: the highest number of all incarnations, and those that were alive when it last knew of
-- all. Answers: "ok", incarnation, epoch, time until forming is over, number of nodes; "over"; or the
-- reason of a refusal.
local run, name, process, lease, settings, old, stale = unpack(ARGV, 2, 8)
local FORMAT = "1"

local format = call("HGET", P .. "meta", "format")
if format and format ~= FORMAT then return { "format", format } end
open(run, tonumber(lease))

-- Incarnations are numbered in the order in which they began.
local function numberOf(incarnation)
  return tonumber(incarnation:match("%.(%d+)$") or 0)
end

-- Reads such a list: the numbers of incarnations by their processes, and the highest of all.
local function read(words)
  local newest, list = words:match("^(%d+) (.*)$")
  local numbers = {}
  for other, number in (list or ""):gmatch("([^.,]+)%.(%d+)") do numbers[other] = tonumber(number) end
  return { numbers = numbers, newest = tonumber(newest or 0) }
end

-- Whether a process was over before another one last knew of all nodes. That one has announced that its
-- peers left.
local function isOver(process, its, theirs)
  local number, known = its.numbers[process], theirs.numbers[process]
  if not number then return false end
  return number < (known or theirs.newest + 1)
end

local function bury(process)
  call("SADD", P .. "over", process)
  for _, node in ipairs(order) do
    local it = nodes[node]
    if it.process == process and not it.isDead then
      it.isDead = true
      write(node)
    end
  end
end

-- Nodes compare what they know when they first meet in an epoch. One that was over is late, and comes
-- once all others have told what they hold.
local KNOWN = P .. "known"
if now < form or call("HEXISTS", KNOWN, process) == 0 then
  local list = ARGV[10] or ""
  local mine = read(list)
  local flat = call("HGETALL", KNOWN)
  for i = 1, #flat, 2 do
    local theirs = read(flat[i + 1])
    -- Its own list of before may name an earlier incarnation.
    if flat[i] ~= process then
      if isOver(process, mine, theirs) then bury(process) end
      if now < form and isOver(flat[i], theirs, mine) then bury(flat[i]) end
    end
  end
  call("HSET", KNOWN, process, now < form and list or "")
  -- An engine on another machine may have another time: numbers grow all the same.
  local most = math.max(mine.newest, mine.numbers[process] or 0)
  if most > highest then
    highest = most
    call("HSET", P .. "meta", "fence", text(highest))
  end
end
if now < form and call("SISMEMBER", P .. "over", process) == 1 then return { "over" } end

local others = 0
for _, node in ipairs(order) do
  local it = nodes[node]
  -- A process has one incarnation. An engine that lost its newest data may know a former one.
  if it.process == process and node ~= old and not it.isDead then
    it.isDead = true
    write(node)
  end
  if it.process ~= process and isAlive(node) then
    -- Such an engine may also know the process from which this one took the name over.
    local isFormer = numberOf(node) < numberOf(old)
    local isHeld = it.name == name and not isFormer
    if isHeld and text(it.beat) ~= stale then return { "name", text(it.beat) } end
    if it.name == name then
      it.isDead = true
      write(node)
    else
      others = others + 1
    end
  end
end
local most = tonumber(ARGV[9] or "")
if most and others >= most then return { "nodes", text(others) } end
local agreed = call("HGET", P .. "meta", "settings")
-- A version that compares more or fewer settings can join: only those count that both know.
local theirs = {}
for option, digest in (agreed or ""):gmatch("([^=,]+)=([^,]*)") do theirs[option] = digest end
for option, digest in settings:gmatch("([^=,]+)=([^,]*)") do
  local isOther = theirs[option] and theirs[option] ~= digest
  if isOther and others > 0 then return { "settings", agreed } end
end
call("HSET", P .. "meta", "format", FORMAT, "settings", settings, "last", text(now))

local node = old
if not nodes[old] or nodes[old].isDead then
  node = process .. "." .. nextFence()
  nodes[node] = { lease = tonumber(lease), since = text(now), process = process, name = name }
end
nodes[node].beat = now
write(node)
return { "ok", node, epoch, text(math.max(0, form - now)), text(others + 1) }
