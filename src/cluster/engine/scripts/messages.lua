-- Carries out everything that a node asks for, whole and in order. ARGV: prefix, incarnation, epoch,
-- number of the call, last item read from the inbox (or ""), "beat" or "", "restore" or "", most items
-- of an inbox, then the steps, each as its letter and its arguments. Answers: "ok", time until forming
-- is over, the outcomes of messages, the nodes; or "epoch", "dead", "forming".
local me, wanted_epoch, number, trim, beats, mode, most = unpack(ARGV, 2, 8)
local MOST_ITEMS = tonumber(most)
local LONGEST_NAME = 512

if epoch ~= wanted_epoch then return { "epoch" } end
local own = nodes[me]
if not own or own.isDead then return { "dead" } end
beGraceful(own.lease)

-- Records of ids: "node fence dialect isExclusive bytes proof ticket info", the last with blanks.
local function idKey(realm)
  return P .. "ids:" .. realm
end

local function find(realm, id)
  local record = call("HGET", idKey(realm), id)
  if not record then return nil end
  local node, fence, dialect, exclusive, bytes, proof, ticket, info = record:match(
    "^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (.*)$"
  )
  return {
    realm = realm,
    id = id,
    node = node,
    fence = fence,
    dialect = dialect,
    exclusive = exclusive,
    bytes = bytes,
    proof = proof,
    ticket = ticket,
    info = info,
  }
end

-- The nodes that wait for an id. Any text can be asked for: the key of a long one has its digest.
local function wantedKey(realm, id)
  return P .. "w:" .. realm .. ":" .. (#id <= LONGEST_NAME and id or "#" .. redis.sha1hex(id))
end

-- Has this node told once the id appears. The member that is no node is the time at which the key ends,
-- which a shorter wait does not bring forward.
local function want(realm, id, lifetime)
  local key = wantedKey(realm, id)
  local ends = now + tonumber(lifetime)
  for _, member in ipairs(call("SMEMBERS", key)) do
    local other = tonumber(member:match("^~(%d+)$"))
    if other then
      ends = math.max(ends, other)
      call("SREM", key, member)
    end
  end
  call("SADD", key, me, "~" .. text(ends))
  call("PEXPIRE", key, text(ends - now))
end

-- The parts of a message that only its letter has, behind those that the engine reads. A name that begins
-- with a zero is JSON.
local function partsOf(letter)
  local headEnd = letter:find("\n", 1, true)
  local head = letter:sub(1, headEnd - 1)
  -- No escaped quote ends a text.
  local plain = head:gsub("\\.", "__")
  local from, fromEnd, room, roomEnd, isCall, isConfirmed = plain:match(
    '^%["[^"]*","[^"]*",()"[^"]*"(),()"?[^"]*"?(),(%a+),(%a+),?%d*%]$'
  )
  local name = head:sub(room, roomEnd - 1)
  return "\0" .. head:sub(from, fromEnd - 1),
    isCall == "true" and "c" or name == "null" and "" or "r\0" .. name,
    isConfirmed == "true" and "1" or "",
    letter:sub(headEnd + 1)
end

-- Appends a message to a node's inbox, as one text: the reader decodes each part by itself. Nodes of
-- earlier versions, whose processes have names with dashes, get the parts behind it: some read these,
-- and of the text the node alone.
local function post(node, count_, realm, id, fence, letter)
  local text_ = me .. " " .. count_ .. " " .. fence .. " " .. letter
  if not node:find("-", 1, true) then return tell(node, "m", text_) end
  tell(node, "m", text_, count_, realm, id, fence, partsOf(letter))
end

local absent = {}
local outcomes = {}
-- While a lost engine fills again, every step depends on those before it.
local steps = isolate and mode ~= "restore" and isolate(P .. "in:" .. me, outcomes, order) or {}

-- A message. Its outcome: the receiver's node, "-" for an absent id, "~" for a peer of another dialect,
-- "!" for a full inbox. Words about a call ("c") are for one holder of the id and for any dialect. The
-- letter has everything that only the receiver's node reads.
steps.S = {
  7,
  function(count_, realm, id, fence, dialect, kind, letter)
    local it = find(realm, id)
    local key = realm .. ":" .. id
    local isGone = not it or not isAlive(it.node) or (fence ~= "" and fence ~= it.fence)
    if kind == "c" and isGone then
      outcomes[#outcomes + 1] = "-"
    elseif absent[key] and kind ~= "c" or isGone then
      absent[key] = true
      outcomes[#outcomes + 1] = "-"
    elseif kind ~= "c" and dialect ~= it.dialect then
      outcomes[#outcomes + 1] = "~"
    elseif call("XLEN", P .. "in:" .. it.node) >= MOST_ITEMS then
      outcomes[#outcomes + 1] = "!"
    else
      post(it.node, count_, realm, id, it.fence, letter)
      outcomes[#outcomes + 1] = it.node
    end
  end,
}

-- A message that was refused before this call could be made: only its outcome is left.
steps.void = {
  0,
  function()
    outcomes[#outcomes + 1] = "!"
  end,
}

-- An item for one node.
steps.T = {
  3,
  function(node, kind, body)
    if nodes[node] then tell(node, kind, me, body) end
  end,
}
