-- The part that both scripts begin with. ARGV[1] is the prefix of every key. Fences and times have
-- more digits than Lua writes by itself, so every number becomes text by way of `text`.
local unpack = unpack or table.unpack
local P = ARGV[1]

local function text(number)
  return string.format("%.0f", number)
end

local clock = call("TIME")
local now = math.floor(tonumber(clock[1]) * 1000.0 + tonumber(clock[2]) / 1000)

-- Nodes: "beat lease since process name" by incarnation; a dead node's beat is "dead".
local nodes = {}
local order = {}
do
  local flat = call("HGETALL", P .. "nodes")
  for i = 1, #flat, 2 do
    local beat, lease, since, process, name = flat[i + 1]:match("^(%S+) (%S+) (%S+) (%S+) (%S+)$")
    if beat then
      nodes[flat[i]] = {
        isDead = beat == "dead",
        beat = tonumber(beat) or 0,
        lease = tonumber(lease),
        since = since,
        process = process,
        name = name,
      }
      order[#order + 1] = flat[i]
    end
  end
  table.sort(order)
end

-- Nobody has beaten for this long: the engine itself was away.
local SILENCE = 3000
-- After a new epoch, ids go to the nodes that held them only.
local FORMING = 2000

local kept = call("HMGET", P .. "meta", "epoch", "run", "form", "grace", "last", "fence")
local epoch, form, grace = kept[1], tonumber(kept[3] or 0), tonumber(kept[4] or 0)
local last, highest = tonumber(kept[5] or 0), tonumber(kept[6] or 0)
-- The engine's clock was set back.
if form - now > FORMING then form = now end
if grace - now > 60000 then grace = now end

local function nextFence()
  highest = highest + 1
  call("HSET", P .. "meta", "fence", text(highest))
  return text(highest)
end

-- If nobody has beaten, the engine was away: for one lease it takes nobody for dead.
local function beGraceful(lease)
  if now - last <= SILENCE and now >= last then return end
  grace = now + lease
  last = now
  call("HSET", P .. "meta", "grace", text(grace), "last", text(now))
end

-- Begins an epoch if the engine is empty or was started again.
local function open(run, lease)
  if not epoch or kept[2] ~= run then
    local stamp = tonumber(clock[1]) * 1000000.0 + tonumber(clock[2])
    if stamp <= highest then stamp = highest + 1 end
    highest = stamp
    epoch = text(stamp)
    form = now + FORMING
    call("HSET", P .. "meta", "epoch", epoch, "run", run, "form", text(form), "fence", epoch)
    -- Its items may lack the newest, and the clock of another machine may number new ones below those
    -- that were read: everything is sent or asked for again.
    for _, node in ipairs(order) do call("DEL", P .. "in:" .. node) end
    call("DEL", P .. "known", P .. "over")
  end
  beGraceful(lease)
end

local function isAlive(node)
  local it = nodes[node]
  if not it or it.isDead then return false end
  return now < grace or now - it.beat < it.lease
end

local function write(node)
  local it = nodes[node]
  local beat = it.isDead and "dead" or text(it.beat)
  local record = table.concat({ beat, text(it.lease), it.since, it.process, it.name }, " ")
  call("HSET", P .. "nodes", node, record)
end

-- Appends an item to a node's inbox: its parts in order, as the values of fields. One name serves all
-- fields, because to write their numbers takes as long as the rest.
local function tell(node, ...)
  local fields = {}
  for i, part in ipairs({ ... }) do
    fields[2 * i - 1] = "p"
    fields[2 * i] = part
  end
  call("XADD", P .. "in:" .. node, "*", unpack(fields))
end
