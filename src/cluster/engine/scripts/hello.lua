-- A process registers. ARGV: prefix, run of the engine, name, process, lease, equal settings, the
-- incarnation that this process had (or ""), the beat after which another node of this name is taken
-- for dead (or ""), and at its start the most nodes that the cluster may have. Answers: "ok",
-- incarnation, epoch, time until forming is over, number of nodes; or the reason of a refusal.
local run, name, process, lease, settings, old, stale = unpack(ARGV, 2, 8)
local FORMAT = "1"

local format = call("HGET", P .. "meta", "format")
if format and format ~= FORMAT then return { "format", format } end
open(run, tonumber(lease))

-- Incarnations are numbered in the order in which they began.
local function numberOf(incarnation)
  return tonumber(incarnation:match("%.(%d+)$") or 0)
end

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
