-- All other steps, as the body of a function: it returns what sweeps the records. A call that carries
-- messages alone runs without it, because to define these steps takes as long as the rest of a call.
-- A key may have a type that it cannot have, as another program wrote it. A step with an answer reads
-- every key before it changes another one, or the step that undoes it finds what it has changed. A step
-- that gives something up may be begun again at any place.
local REAPED_AT_ONCE = 500

-- The ticket of a peer that has moved, until its new node names it as its own.
local MOVED = "moved"

local function save(it)
  local record = table.concat({
    it.node,
    it.fence,
    it.dialect,
    it.exclusive,
    it.bytes,
    it.proof,
    it.ticket,
    it.info,
  }, " ")
  call("SADD", P .. "of:" .. it.node, it.realm .. ":" .. it.id)
  call("HSET", idKey(it.realm), it.id, record)
end

-- The peer as items carry it.
local function shown(it)
  return it.id, it.node, it.fence, it.dialect, it.exclusive, it.bytes, it.info
end

-- Two peers, one behind the other, and what follows them.
local function shownBoth(it, partner, ...)
  local all = { shown(it) }
  for _, part in ipairs({ { shown(partner) }, { ... } }) do
    for i = 1, #part do all[#all + 1] = part[i] end
  end
  return unpack(all)
end

local function roomsOf(it)
  return P .. "rooms:" .. it.realm .. ":" .. it.id
end

local function pairsOf(it)
  return P .. "pairs:" .. it.realm .. ":" .. it.id
end

-- The tickets of the newest step by which a peer has asked for each of its partners.
local function askedOf(it)
  return P .. "asked:" .. it.realm .. ":" .. it.id
end

-- Makes two peers partners, by the step of a ticket.
local function join(it, partner, ticket)
  call("HSET", askedOf(it), partner.id, ticket)
  call("SADD", pairsOf(partner), it.id)
  call("SADD", pairsOf(it), partner.id)
end

-- The list of a realm's guests: peers that can be called outside of rooms. It takes up none of them.
local GUESTS = "guests:"

local function isInRooms(it)
  return call("SCARD", roomsOf(it)) > call("SISMEMBER", roomsOf(it), GUESTS)
end

-- Both sides have to know it: an engine that came back with older data may have one of them.
local function arePaired(it, partner)
  return call("SISMEMBER", pairsOf(it), partner.id) == 1 and
    call("SISMEMBER", pairsOf(partner), it.id) == 1
end

local function isBusy(it)
  if it.exclusive ~= "1" then return false end
  if isInRooms(it) then return true end
  for _, other in ipairs(call("SMEMBERS", pairsOf(it))) do
    local partner = find(it.realm, other)
    if partner and arePaired(it, partner) then return true end
  end
  return false
end

-- Keys of a room: its members' numbers by id, its sums, and how many reasons each node has to know it.
local function roomKeys(realm, kindAndRoom)
  local tail = realm .. ":" .. kindAndRoom
  return P .. "members:" .. tail, P .. "room:" .. tail, P .. "seen:" .. tail
end

local function addNodes(to, seen)
  local flat = call("HGETALL", seen)
  for i = 1, #flat, 2 do to[flat[i]] = true end
end

-- The nodes that know a room.
local function knowing(realm, room)
  local _, _, seen = roomKeys(realm, room)
  local set = {}
  addNodes(set, seen)
  return set
end

-- Tells the nodes of a set, in one order on every engine.
local function tellAll(set, ...)
  local names = {}
  for node in pairs(set) do names[#names + 1] = node end
  table.sort(names)
  for _, node in ipairs(names) do
    if nodes[node] and not nodes[node].isDead then tell(node, ...) end
  end
end

-- Finds out whether all nodes of a set take items, before a step with an answer changes anything.
local function reach(set)
  if mode == "restore" then return end
  for node in pairs(set) do
    if nodes[node] and not nodes[node].isDead then call("XLEN", P .. "in:" .. node) end
  end
end

local function count(seen, node, change)
  if call("HINCRBY", seen, node, change) <= 0 then call("HDEL", seen, node) end
end

local function dropEmpty(members, sums, seen)
  if call("HLEN", members) == 0 and call("HLEN", seen) == 0 then call("DEL", sums) end
end

local restartReservation

-- Gives an id up, and tells every node that knows the peer by a room or a pair.
local function release(it, news)
  restartReservation(it)
  local concerned = {}
  for _, room in ipairs(call("SMEMBERS", roomsOf(it))) do
    local members, sums, seen = roomKeys(it.realm, room)
    addNodes(concerned, seen)
    if call("HDEL", members, it.id) == 1 then
      count(seen, it.node, -1)
      call("HINCRBY", sums, "bytes", text(0 - tonumber(it.bytes)))
    end
    dropEmpty(members, sums, seen)
  end
  for _, other in ipairs(call("SMEMBERS", pairsOf(it))) do
    local partner = find(it.realm, other)
    if partner then
      call("SREM", pairsOf(partner), it.id)
      call("HDEL", askedOf(partner), it.id)
      concerned[partner.node] = true
    end
  end
  concerned[it.node] = nil
  tellAll(concerned, "left", it.realm, it.id, it.fence, news)
  call("DEL", roomsOf(it), pairsOf(it), askedOf(it))
  call("SREM", P .. "of:" .. it.node, it.realm .. ":" .. it.id)
  call("HDEL", idKey(it.realm), it.id)
end

-- A node whose peers others have announced as gone before this epoch.
local function isGivenUp(node)
  local it = nodes[node]
  return it ~= nil and it.isDead and call("SISMEMBER", P .. "over", it.process) == 1
end

local function membersOf(realm, room)
  local members = call("HGETALL", (roomKeys(realm, room)))
  local sorted = {}
  for i = 1, #members, 2 do
    sorted[#sorted + 1] = { id = members[i], number = tonumber(members[i + 1]) }
  end
  table.sort(sorted, function(a, b) return a.number < b.number end)
  return sorted
end

-- Tells a node, this one by default, who is in a room, in joining order: one item each, so that none
-- is too large.
local function list(realm, room, node)
  local to = node or me
  tell(to, "list", realm, room)
  for _, member in ipairs(membersOf(realm, room)) do
    local it = find(realm, member.id)
    if it and not isGivenUp(it.node) then tell(to, "member", shown(it)) end
  end
  tell(to, "listed", realm, room, node and "moving" or "")
end

local function isFull(realm, room, maxMembers, maxBytes, bytes, id)
  local members, sums = roomKeys(realm, room)
  if call("HEXISTS", members, id) == 1 then return false end
  local sum = tonumber(call("HGET", sums, "bytes") or 0)
  return call("HLEN", members) >= tonumber(maxMembers) or sum + tonumber(bytes) > tonumber(maxBytes)
end

-- Takes a peer of this node into a room. While a lost engine fills again (no ticket), lists are not
-- whole yet: the node asks for them afterwards.
local function enter(it, room, ticket)
  local members, sums, seen = roomKeys(it.realm, room)
  local isNew = call("HEXISTS", members, it.id) == 0
  if not isNew and ticket == "" then return end
  local concerned = knowing(it.realm, room)
  reach(concerned)
  if ticket ~= "" and not (isNew and concerned[me]) then list(it.realm, room) end
  if isNew then
    call("SADD", roomsOf(it), room)
    local place = call("HINCRBY", sums, "number", 1)
    call("HSET", members, it.id, text(place))
    call("HINCRBY", sums, "bytes", it.bytes)
    count(seen, me, 1)
  end
  concerned[me] = nil
  tellAll(concerned, "joined", it.realm, room, shown(it))
  if ticket ~= "" then tell(me, "entered", ticket) end
end

local function isMine(it, fence)
  return it ~= nil and it.node == me and it.fence == fence
end

-- Changes a description, if every room has place for it. The list of guests has no limit. Returns the
-- nodes that know one of the rooms.
local function describe(it, bytes, info, maxBytes)
  local change = tonumber(bytes) - tonumber(it.bytes)
  local rooms = call("SMEMBERS", roomsOf(it))
  local concerned = {}
  for _, room in ipairs(rooms) do
    local _, sums, seen = roomKeys(it.realm, room)
    addNodes(concerned, seen)
    local sum = tonumber(call("HGET", sums, "bytes") or 0)
    local isLimited = change > 0 and room ~= GUESTS
    if isLimited and sum + change > tonumber(maxBytes) then return nil end
  end
  reach(concerned)
  it.bytes = bytes
  it.info = info
  save(it)
  for _, room in ipairs(rooms) do
    local _, sums = roomKeys(it.realm, room)
    call("HINCRBY", sums, "bytes", text(change))
  end
  return concerned
end

-- Tells the other nodes of a changed description.
local function announce(it, concerned, news)
  concerned[me] = nil
  tellAll(concerned, "described", it.realm, it.id, it.fence, it.bytes, it.info, news)
end

-- The nodes on which messages wait for an id.
local function waitingFor(realm, id)
  local waiting = {}
  for _, node in ipairs(call("SMEMBERS", wantedKey(realm, id))) do waiting[node] = true end
  return waiting
end

local function appear(realm, id, waiting)
  call("DEL", wantedKey(realm, id))
  tellAll(waiting, "wanted", realm, id)
end

-- Records that nodes copy: "stamp end isThere body" by kind and name. The end is "-" for none, and
-- "@realm" for an id that a client reserved and has. Clients' ids ("own") are copied by keepers only,
-- which are the nodes with a store that lasts.
local KINDS = { secret = true, ban = true, room = true, log = true, id = true, own = true }
local SWEPT_AT_ONCE = "100"
-- How often as many are searched for a reservation to evict.
local SEARCHED_AT_MOST = 5
-- How long nodes that were away can learn that a record was removed.
local REMOVED_MS = 86400000

local function keptAt(kind, name)
  local record = call("HGET", P .. "kept:" .. kind, name)
  if not record then return nil end
  local stamp, ends, isThere, body = record:match("^(%d+) (%S+) ([01]) (.*)$")
  if not stamp then return nil end
  return { stamp = tonumber(stamp), ends = ends, isThere = isThere, body = body }
end

-- Newer than every stamp before it, on an emptied engine, too.
local function nextStamp(old)
  local last = tonumber(call("HGET", P .. "meta", "stamp") or 0)
  local stamp = tonumber(clock[1]) * 1000000.0 + tonumber(clock[2])
  stamp = math.max(stamp, last + 1, old and old.stamp + 1 or 0)
  call("HSET", P .. "meta", "stamp", text(stamp))
  return stamp
end

local function lifetimeOf(body)
  return body:match('"lifetimeMs":(%d+)') or "0"
end

-- The rest of a record's time.
local function leftOf(record)
  if record.ends == "-" then return "-" end
  local ends = tonumber(record.ends)
  return ends and text(math.max(0, ends - now)) or lifetimeOf(record.body)
end

local function isCurrent(record)
  if not record or record.isThere ~= "1" then return false end
  local ends = tonumber(record.ends)
  return not ends or ends > now
end

-- Keeps a record, and hands it to the nodes that copy its kind.
local function keep(kind, name, stamp, ends, lifetime, isThere, body)
  local record = table.concat({ text(stamp), ends, isThere, body }, " ")
  call("HSET", P .. "kept:" .. kind, name, record)
  for _, node in ipairs(order) do
    local isMeant = nodes[node] and not nodes[node].isDead and
      (kind ~= "own" or call("SISMEMBER", P .. "keepers", node) == 1)
    if isMeant then tell(node, "kept", kind, name, text(stamp), lifetime, isThere, body) end
  end
end

-- Keeps a client's reservation: "@realm" while the id is in use, and for its lifetime afterwards.
local function keepOwn(name, old, body, realm)
  local lifetime = lifetimeOf(body)
  local ends = realm and "@" .. realm or text(now + tonumber(lifetime))
  keep("own", name, nextStamp(old), ends, lifetime, "1", body)
end

function restartReservation(it)
  local name = it.dialect .. ":" .. it.id
  local old = keptAt("own", name)
  if old and old.isThere == "1" then keepOwn(name, old, old.body) end
end

-- Whether an id that nobody has belongs to the owner of another token. An operator's reservation
-- counts before a client's. `terms` are "lifetime most perHour burst"; without a lifetime ("-") clients
-- reserve nothing.
local function isReserved(name, operators, digest, terms)
  if name == "" then return false end
  local record = keptAt("id", operators)
  if not isCurrent(record) and terms:sub(1, 1) ~= "-" then record = keptAt("own", name) end
  return isCurrent(record) and record.body:match('"digest":"([^"]*)"') ~= digest
end

-- Takes one from an address's allowance of new reservations, which refills.
local function takeAllowance(address, perHour, burst)
  local key = P .. "quota:" .. address
  local kept = call("HMGET", key, "left", "at")
  local left = burst
  if kept[1] then
    local passed = math.max(0, now - tonumber(kept[2]))
    left = math.min(burst, tonumber(kept[1]) + passed * perHour / 3600000)
  end
  if left < 1 then return false end
  call("HSET", key, "left", string.format("%.6f", left - 1), "at", text(now))
  call("PEXPIRE", key, text(math.ceil((burst - left + 1) * 3600000 / perHour) + 1))
  return true
end

-- Makes room for a reservation: one whose time is over, or the oldest of some that were claimed once
-- and are not in use.
local function evict()
  local key = P .. "kept:own"
  local victim, oldest
  for _ = 1, SEARCHED_AT_MOST do
    local cursor = call("HGET", P .. "meta", "evicted") or "0"
    local found = call("HSCAN", key, cursor, "COUNT", SWEPT_AT_ONCE)
    call("HSET", P .. "meta", "evicted", found[1])
    for i = 1, #found[2], 2 do
      local stamp, ends, body = found[2][i + 1]:match("^(%d+) (%d+) (.*)$")
      if ends and (tonumber(ends) <= now or body:sub(1, 1) == "0") then
        call("HDEL", key, found[2][i])
        return "kept"
      elseif ends and not body:find('"isProven":true', 1, true) and
        (not oldest or tonumber(stamp) < oldest) then
        victim, oldest = found[2][i], tonumber(stamp)
      end
    end
    if victim then break end
  end
  if not victim then return nil end
  keep("own", victim, nextStamp(keptAt("own", victim)), text(now), "0", "0", "")
  call("HDEL", key, victim)
  return "evicted"
end

-- The same owner has the id again, or still: notes whether it is reserved.
local function holdReservation(realm, name, _, digest, terms)
  if name == "" or terms:sub(1, 1) == "-" then return "" end
  local old = keptAt("own", name)
  if not isCurrent(old) or old.body:match('"digest":"([^"]*)"') ~= digest then return "" end
  if old.ends ~= "@" .. realm then keepOwn(name, old, old.body, realm) end
  return "kept"
end

-- Reserves an id for the client that has claimed it: "kept", "evicted" where another one made room, or
-- the reason why not. "" where nothing is to be reserved.
local function reserve(realm, name, operators, digest, terms, address)
  local lifetime, most, perHour, burst = terms:match("^(%d+) (%d+) (%d+) (%d+)$")
  if name == "" or not lifetime or digest == "-" then return "" end
  if isCurrent(keptAt("id", operators)) then return "" end
  local old = keptAt("own", name)
  local isBack = isCurrent(old)
  local note = "kept"
  if not isBack then
    local isTooMany = call("HLEN", P .. "kept:own") >= tonumber(most)
    if address ~= "" and not takeAllowance(address, tonumber(perHour), tonumber(burst)) then
      return "address"
    end
    if isTooMany and not (old and old.isThere == "1") then note = evict() end
    if not note then return "full" end
  end
  local proven = isBack and ',"isProven":true' or ""
  local body = '{"digest":"' .. digest .. '","lifetimeMs":' .. lifetime .. proven .. "}"
  keepOwn(name, old, body, realm)
  return note
end

-- A claim, with a room to enter in the same step where `room` is not empty.
steps.C = {
  17,
  function(ticket, realm, id, dialect, policy, proof, exclusive, bytes, info, room, maxMembers, maxBytes, ...)
    local it = find(realm, id)
    if it and it.node ~= me and not isAlive(it.node) then
      release(it, "")
      if nodes[it.node] then tell(it.node, "lost", realm, id, it.fence) end
      it = nil
    end
    if it and it.node == me and it.ticket == ticket then
      -- The answer was lost with the engine's data.
      tell(me, "claimed", ticket, it.fence, holdReservation(realm, ...), "")
      if room ~= "" then enter(it, room, ticket) end
      return
    end
    -- Partners of a peer that is in one call at a time count on its node; others learn of its end.
    local isBound = it and (isInRooms(it) or isBusy(it))
    local isTaken = it and not (it.dialect == dialect and not isBound and (policy == "newest" or (proof ~= "-" and proof == it.proof)))
    if isTaken or not it and isReserved(...) then return tell(me, "refused", ticket, "id_taken") end
    if room ~= "" and isFull(realm, room, maxMembers, maxBytes, bytes, id) then
      return tell(me, "refused", ticket, "room_full")
    end
    local waiting = waitingFor(realm, id)
    reach(waiting)
    if room ~= "" then reach(knowing(realm, room)) end
    local isFree = not it
    if it and it.node ~= me then
      release(it, "")
      tell(it.node, "lost", realm, id, it.fence)
      it = nil
    end
    local note = isFree and reserve(realm, ...) or holdReservation(realm, ...)
    local fence = it and it.fence or nextFence()
    it = {
      realm = realm,
      id = id,
      node = me,
      fence = fence,
      dialect = dialect,
      exclusive = exclusive,
      bytes = bytes,
      proof = proof,
      ticket = ticket,
      info = info,
    }
    save(it)
    tell(me, "claimed", ticket, fence, note, (select(5, ...)))
    if room ~= "" then enter(it, room, ticket) end
    appear(realm, id, waiting)
  end,
}

-- A claim of the name of an offer. It goes to the node that takes the offer, or to the one that made it
-- and withdraws it. After the end of that one nobody gets it.
steps.take = {
  18,
  function(ticket, maker, ...)
    local holder = find("@nodes", maker)
    if not holder or not isAlive(holder.node) then
      return tell(me, "refused", ticket, "id_taken")
    end
    steps.C[2](ticket, ...)
  end,
}

-- An id of this process under an incarnation that it has left: its rooms notice nothing.
local function inherit(it)
  local former = it.node
  call("SREM", P .. "of:" .. former, it.realm .. ":" .. it.id)
  it.node = me
  save(it)
  for _, room in ipairs(call("SMEMBERS", roomsOf(it))) do
    local _, _, seen = roomKeys(it.realm, room)
    count(seen, former, -1)
    count(seen, me, 1)
  end
end

-- An id that this node has held all along, as far as it knows. An engine that lost its newest data may
-- name an earlier holder: the later one got the id from it. A peer that moves has one fence on two nodes,
-- of which the one that has its state gets it, and the other one only expects it.
local function hold(isExpected, realm, id, fence, dialect, proof, exclusive, bytes, info)
  local it = find(realm, id)
  local holder = it and nodes[it.node]
  local isOwn = it and it.fence == fence and holder and holder.process == own.process and
    not isGivenUp(it.node)
  if isOwn then
    if it.node ~= me then inherit(it) end
    if it.info == info and it.bytes == bytes then return end
    local concerned = describe(it, bytes, info, math.huge)
    -- Others ask for whole lists when the engine is full again.
    if now >= form then announce(it, concerned, "") end
    return
  end
  local isMoving = it and it.fence == fence and it.node ~= me and isAlive(it.node)
  if isMoving and isExpected then return end
  if isMoving then
    tell(it.node, "lost", realm, id, fence, "taken")
    it.ticket = "-"
    return inherit(it)
  end
  local isOlder = it and tonumber(it.fence) < tonumber(fence)
  if it and not isOlder and (it.node == me or isAlive(it.node)) then
    return tell(me, "lost", realm, id, fence, "taken")
  end
  if holder then tell(it.node, "lost", realm, id, it.fence, "taken") end
  if it then release(it, "") end
  if tonumber(fence) > highest then
    highest = tonumber(fence)
    call("HSET", P .. "meta", "fence", fence)
  end
  save({
    realm = realm,
    id = id,
    node = me,
    fence = fence,
    dialect = dialect,
    exclusive = exclusive,
    bytes = bytes,
    proof = proof,
    ticket = "-",
    info = info,
  })
  appear(realm, id, waitingFor(realm, id))
end

steps.X = {
  8,
  function(...) hold(false, ...) end,
}
steps.expect = {
  8,
  function(...) hold(true, ...) end,
}

-- A peer of a node that tells so late what it holds that others have missed it: they have announced that
-- it left, and its client has to come back.
local function miss(it)
  tell(me, "lost", it.realm, it.id, it.fence, "taken")
  release(it, "")
end

local function isSeenByOthers(realm, room)
  local _, _, seen = roomKeys(realm, room)
  return call("HLEN", seen) > call("HEXISTS", seen, me)
end

-- Takes a peer of this node out of a room, if it is there. Returns the other nodes that know the room.
local function takeOut(it, room)
  local members, sums, seen = roomKeys(it.realm, room)
  if call("HEXISTS", members, it.id) == 0 then return nil end
  local concerned = knowing(it.realm, room)
  call("SREM", roomsOf(it), room)
  call("HINCRBY", sums, "bytes", text(0 - tonumber(it.bytes)))
  call("HDEL", members, it.id)
  count(seen, me, -1)
  dropEmpty(members, sums, seen)
  concerned[me] = nil
  return concerned
end

-- An entry whose answer was lost: its node asks for it once more, and it has to come after all others
-- then.
steps.outOf = {
  4,
  function(realm, id, fence, room)
    local it = find(realm, id)
    if not isMine(it, fence) or call("SISMEMBER", roomsOf(it), room) == 0 then return end
    if now >= form and isSeenByOthers(realm, room) then return miss(it) end
    takeOut(it, room)
  end,
}

-- Its place in a room, and its partner.
steps.Y = {
  4,
  function(realm, id, fence, room)
    local it = find(realm, id)
    if not isMine(it, fence) then return end
    local isThere = call("SISMEMBER", roomsOf(it), room) == 1
    local isLate = now >= form and room ~= GUESTS and not isThere
    if isLate and isSeenByOthers(realm, room) then return miss(it) end
    enter(it, room, "")
  end,
}
steps.V = {
  6,
  function(realm, id, fence, other, otherFence, role)
    local it, partner = find(realm, id), find(realm, other)
    if not isMine(it, fence) then return end
    -- The partner has left, and another peer has its id.
    if partner and partner.fence ~= otherFence then return end
    local isThere = call("SISMEMBER", pairsOf(it), other) == 1
    if now >= form and partner and partner.node ~= me and not isThere then return miss(it) end
    call("SADD", pairsOf(it), other)
    -- The end of a meeting may be known on one side only: each side tells its own.
    if partner and role ~= "met" then call("SADD", pairsOf(partner), id) end
  end,
}

-- An id that this node has given up, as the engine forgot. The node may not know yet of a peer that has
-- moved to it (see `arrive`).
steps.forget = {
  2,
  function(realm, id)
    local it = find(realm, id)
    if it and it.node == me and it.ticket ~= MOVED then release(it, "") end
  end,
}

-- Gives an id up. If another connection of this node has claimed it since (by another ticket), that one
-- keeps the id, without rooms and pairs.
steps.R = {
  5,
  function(realm, id, fence, ticket, news)
    local it = find(realm, id)
    if not isMine(it, fence) then return end
    release(it, news)
    if ticket == "" or it.ticket == "-" or it.ticket == ticket then return end
    save(it)
    local name = it.dialect .. ":" .. id
    local reservation = keptAt("own", name)
    if isCurrent(reservation) then keepOwn(name, reservation, reservation.body, realm) end
  end,
}

-- Steps that were refused although they had been sent, and may have been carried out: a claim, whose
-- id goes back to the connection that had it here by another ticket; a place in a room; a description.
steps.undoClaim = {
  4,
  function(realm, id, ticket, former)
    local it = find(realm, id)
    if not it or it.node ~= me or it.ticket ~= ticket then return end
    if former == "" then return release(it, "") end
    it.ticket = former
    save(it)
  end,
}
steps.undoEntry = {
  4,
  function(realm, id, fence, name)
    local it = find(realm, id)
    if not isMine(it, fence) or call("SISMEMBER", roomsOf(it), name) == 0 then return end
    tell(me, "lost", realm, id, fence, "taken")
    release(it, "")
  end,
}
steps.undoInfo = {
  7,
  function(realm, id, fence, refusedBytes, refusedInfo, bytes, info)
    local it = find(realm, id)
    if not isMine(it, fence) or it.bytes ~= refusedBytes or it.info ~= refusedInfo then return end
    announce(it, describe(it, bytes, info, math.huge), "")
  end,
}

steps.J = {
  10,
  function(ticket, realm, id, fence, room, maxMembers, maxBytes, isDescribed, bytes, info)
    local it = find(realm, id)
    if not isMine(it, fence) then return tell(me, "refused", ticket, "stale") end
    local size = isDescribed == "1" and bytes or it.bytes
    if isFull(realm, room, maxMembers, maxBytes, size, id) then
      return tell(me, "refused", ticket, "room_full")
    end
    if isDescribed == "1" then
      reach(knowing(realm, room))
      if not describe(it, bytes, info, maxBytes) then
        return tell(me, "refused", ticket, "room_full")
      end
    end
    enter(it, room, ticket)
  end,
}

steps.D = {
  8,
  function(ticket, realm, id, fence, maxBytes, bytes, info, news)
    local it = find(realm, id)
    if not isMine(it, fence) then return tell(me, "refused", ticket, "stale") end
    local concerned = describe(it, bytes, info, maxBytes)
    if not concerned then return tell(me, "refused", ticket, "too_large") end
    announce(it, concerned, news)
    tell(me, "entered", ticket)
  end,
}

-- Puts a peer on the list of guests, or takes it off, and tells the nodes that follow the list.
steps.I = {
  4,
  function(realm, id, fence, isGuest)
    local it = find(realm, id)
    if not isMine(it, fence) then return end
    if isGuest == "1" then return enter(it, GUESTS, "") end
    tellAll(takeOut(it, GUESTS) or {}, "unlisted", realm, id, fence)
  end,
}

-- The step by which a peer asks for a partner, and the item that tells both nodes of it.
-- `objection` is the reason, if any, for which the two may not be partners.
local function askFor(item, objection)
  return {
    6,
    function(ticket, realm, id, fence, other, permits)
      local it, partner = find(realm, id), find(realm, other)
      if not isMine(it, fence) then return tell(me, "refused", ticket, "stale") end
      if partner and not isAlive(partner.node) then partner = nil end
      local reason = objection(it, partner, other)
      if reason then return tell(me, "refused", ticket, reason) end
      local concerned = { [me] = true, [partner.node] = true }
      reach(concerned)
      join(it, partner, ticket)
      -- A pair whose caller was refused meanwhile is void.
      local by = item == "paired" and ticket or ""
      tellAll(concerned, item, realm, shownBoth(it, partner, permits, by))
      tell(me, "entered", ticket)
    end,
  }
end

steps.P = askFor("paired", function(it, partner, other)
  if not partner then return "unknown" end
  if arePaired(it, partner) then return nil end
  if it.id == other or isBusy(it) or isBusy(partner) then return "busy" end
end)

-- A pair of before, once a lost engine is full again: the partner's node may not have learned of it.
steps.again = {
  7,
  function(realm, id, fence, other, otherFence, role, permits)
    local it, partner = find(realm, id), find(realm, other)
    if not isMine(it, fence) then return end
    if not partner or partner.fence ~= otherFence then
      if not partner or not arePaired(it, partner) then call("SREM", pairsOf(it), other) end
      return
    end
    call("SADD", pairsOf(it), other)
    call("SADD", pairsOf(partner), id)
    if role ~= "caller" or partner.node == me then return end
    tell(partner.node, "paired", realm, shownBoth(it, partner, permits))
  end,
}

-- A meeting of before, likewise: it is over if the partner's node knows nothing of it.
steps.agree = {
  5,
  function(realm, id, fence, other, otherFence)
    local it, partner = find(realm, id), find(realm, other)
    if not isMine(it, fence) then return end
    local isPaired = partner and call("SISMEMBER", pairsOf(partner), id) == 1
    if isPaired and partner.fence == otherFence then return end
    if not isPaired then call("SREM", pairsOf(it), other) end
    tell(me, "parted", realm, id, other, fence, otherFence)
  end,
}

-- Whether peers may move to a node: its process can be sent to, and is not about to end.
local function isOpen(node, process)
  local address = find("@nodes", process)
  return node ~= me and isAlive(node) and address ~= nil and address.node == node and
    call("SISMEMBER", P .. "shunned", node) == 0
end

-- The incarnation of a process that is open; without a process, the open node with the fewest ids.
local function haven(process)
  local best, fewest
  for _, node in ipairs(order) do
    local it = nodes[node]
    if it and (process == "" or it.process == process) and isOpen(node, it.process) then
      local ids = call("SCARD", P .. "of:" .. node)
      if not fewest or ids < fewest then best, fewest = node, ids end
    end
  end
  return best
end

-- Tells a node of a peer that moves to it.
local function announceTo(node, it, rooms)
  local parts = { shown(it) }
  parts[#parts + 1] = it.proof
  for _, room in ipairs(rooms) do parts[#parts + 1] = room end
  tell(node, "arriving", it.realm, unpack(parts))
end

-- A peer of this node moves to another one. Its fence and its place in its rooms stay, so that nobody
-- else learns of it. The item for this node is the last about the peer.
steps.move = {
  5,
  function(ticket, realm, id, fence, process)
    local it = find(realm, id)
    if not isMine(it, fence) then return tell(me, "refused", ticket, "stale") end
    local to = haven(process)
    if not to then return tell(me, "refused", ticket, "alone") end
    local rooms = call("SMEMBERS", roomsOf(it))
    call("XLEN", P .. "in:" .. to)
    for _, room in ipairs(rooms) do
      local members, _, seen = roomKeys(realm, room)
      call("HLEN", members)
      call("HLEN", seen)
    end
    call("SREM", P .. "of:" .. me, realm .. ":" .. id)
    it.node = to
    it.ticket = MOVED
    save(it)
    for _, room in ipairs(rooms) do
      local _, _, seen = roomKeys(realm, room)
      count(seen, me, -1)
      if call("HEXISTS", seen, to) == 0 then list(realm, room, to) end
      count(seen, to, 1)
    end
    announceTo(to, it, rooms)
    tell(me, "claimed", ticket, to)
  end,
}

-- A peer that has moved to this node, which an engine that was started again has not told of it.
steps.arrive = {
  2,
  function(realm, id)
    local it = find(realm, id)
    if not it or it.node ~= me or it.ticket ~= MOVED then return end
    local rooms = call("SMEMBERS", roomsOf(it))
    for _, room in ipairs(rooms) do list(realm, room, me) end
    announceTo(me, it, rooms)
  end,
}

-- This node is about to end: no peer moves to it.
steps.shun = {
  1,
  function(ticket)
    call("SADD", P .. "shunned", me)
    tell(me, "entered", ticket)
  end,
}

-- Makes a peer known to a peer of another dialect, for a call. Each has learned of the other when the
-- step is answered.
steps.M = askFor("met", function(it, partner, other)
  if not partner then return "unknown" end
  if partner.dialect == it.dialect then return "kin" end
  if arePaired(it, partner) then return nil end
  -- A member of a room calls its room-mates, and the guests that it sees there.
  if isBusy(it) and not isInRooms(it) or isBusy(partner) then return "busy" end
end)

-- Ends that: the two have no call any more. The peer may have moved to another node meanwhile.
local function part(it, other)
  local partner = find(it.realm, other)
  call("SREM", pairsOf(it), other)
  call("HDEL", askedOf(it), other)
  local concerned = { [me] = true, [it.node] = true }
  if partner then
    call("SREM", pairsOf(partner), it.id)
    call("HDEL", askedOf(partner), it.id)
    concerned[partner.node] = true
  end
  tellAll(concerned, "parted", it.realm, it.id, other, it.fence, partner and partner.fence or "")
end

-- A step from before the partner left ends no later pair with another peer of its id, and is over.
steps.U = {
  5,
  function(realm, id, fence, other, otherFence)
    local it, partner = find(realm, id), find(realm, other)
    if not it or it.fence ~= fence then return end
    local isOther = partner and otherFence ~= "" and partner.fence ~= otherFence
    if not isOther then return part(it, other) end
    tell(me, "parted", realm, id, other, fence, otherFence)
  end,
}

-- True if a peer has its partner by the step of a ticket alone: neither by a later one, nor by a step of
-- the partner. An engine that was emptied has the pair of the partner's node, and no tickets.
local function isOnlyBy(it, other, ticket)
  local by = call("HGET", askedOf(it), other)
  if by and by ~= ticket then return false end
  call("HDEL", askedOf(it), other)
  if call("SISMEMBER", pairsOf(it), other) == 0 then return false end
  local partner = find(it.realm, other)
  return not partner or call("HEXISTS", askedOf(partner), it.id) == 0
end

-- A meeting or a pair that was refused although its step had been sent.
steps.undoMeeting = {
  5,
  function(realm, id, fence, other, ticket)
    local it = find(realm, id)
    if it and it.fence == fence and isOnlyBy(it, other, ticket) then part(it, other) end
  end,
}
steps.undoPair = {
  5,
  function(realm, id, fence, other, ticket)
    local it = find(realm, id)
    if not isMine(it, fence) or not isOnlyBy(it, other, ticket) then return end
    tell(me, "lost", realm, id, fence, "taken")
    release(it, "")
  end,
}

-- Messages of this node wait for an id, which may be there by now. They may wait because a peer of
-- another dialect refused them: to send them to it again would never end.
steps.N = {
  4,
  function(realm, id, dialect, lifetime)
    local it = find(realm, id)
    if it and isAlive(it.node) and it.dialect == dialect then return tell(me, "wanted", realm, id) end
    want(realm, id, lifetime)
  end,
}

-- A message once more.
steps.Z = {
  8,
  function(node, count_, realm, id, fence, _, _, letter)
    if nodes[node] then post(node, count_, realm, id, fence, letter) end
  end,
}
-- News for all other nodes.
steps.B = {
  2,
  function(kind, body)
    for _, node in ipairs(order) do
      if node ~= me and not nodes[node].isDead then tell(node, kind, me, body) end
    end
  end,
}

-- A change of this moment has no stamp. A record that a node has kept has one, or 0 if no other node
-- ever saw it: the newer one stays.
steps.G = {
  6,
  function(kind, name, stamp, lifetime, isThere, body)
    if not KINDS[kind] then return end
    local old = keptAt(kind, name)
    if stamp ~= "" and old and tonumber(stamp) <= old.stamp then
      if tonumber(stamp) == old.stamp and body == old.body then return end
      return tell(me, "kept", kind, name, text(old.stamp), leftOf(old), old.isThere, old.body)
    end
    -- Most operators' changes concern no client's reservation.
    if kind == "own" and isThere == "0" and not old then return end
    local at = tonumber(stamp ~= "" and stamp or 0)
    if at == 0 then at = nextStamp(old) end
    if isThere == "0" then lifetime = text(REMOVED_MS) end
    local ends = lifetime == "-" and "-" or text(now + tonumber(lifetime))
    keep(kind, name, at, ends, lifetime, isThere, body)
  end,
}

-- This node copies the ids that clients reserve, too.
steps.h = {
  0,
  function() call("SADD", P .. "keepers", me) end,
}

-- A reservation of a client that this node has held all along, for an engine that lost it.
steps.o = {
  4,
  function(realm, id, fence, body)
    local it = find(realm, id)
    if not isMine(it, fence) then return end
    local name = it.dialect .. ":" .. id
    local old = keptAt("own", name)
    local isKnown = old and (old.isThere == "0" or old.ends == "@" .. realm)
    if not isKnown then keepOwn(name, old, body, realm) end
  end,
}

-- Renews a reservation in use, so that copies of it do not end, and frees one whose id was lost.
local function renewOwn(name, record)
  local stamp, realm, body = record:match("^(%d+) @(%S+) 1 (.*)$")
  if not stamp then return end
  local dialect, id = name:match("^([^:]*):(.*)$")
  local it = find(realm, id)
  local isInUse = it and it.dialect == dialect
  local isDue = now * 1000 - tonumber(stamp) > tonumber(lifetimeOf(body)) * 100
  if isInUse and not isDue then return end
  keepOwn(name, { stamp = tonumber(stamp) }, body, isInUse and realm or nil)
end

-- Forgets some records whose time is over.
local function sweepKept()
  for kind in pairs(KINDS) do
    local key = P .. "kept:" .. kind
    local cursor = call("HGET", P .. "meta", "swept:" .. kind) or "0"
    local found = call("HSCAN", key, cursor, "COUNT", SWEPT_AT_ONCE)
    call("HSET", P .. "meta", "swept:" .. kind, found[1])
    for i = 1, #found[2], 2 do
      local ends = found[2][i + 1]:match("^%d+ (%d+) ")
      if ends and tonumber(ends) <= now then call("HDEL", key, found[2][i]) end
      if kind == "own" then renewOwn(found[2][i], found[2][i + 1]) end
    end
  end
end

-- The list of a room.
steps.L = { 2, list }

-- The same as a step with an answer, for a node that has no member in the room.
steps.W = {
  3,
  function(ticket, realm, room)
    list(realm, room)
    tell(me, "entered", ticket)
  end,
}

-- This node follows a room from now on, with or without members of its own. While a lost engine fills
-- again the list is not whole yet: the node asks for it afterwards.
steps.F = {
  2,
  function(realm, room)
    local _, _, seen = roomKeys(realm, room)
    if call("SADD", P .. "follows:" .. me, realm .. ":" .. room) == 1 then count(seen, me, 1) end
    if mode ~= "restore" then list(realm, room) end
  end,
}

-- Whether a partner is still there, once a lost engine is full again.
steps.K = {
  3,
  function(realm, id, fence)
    local it = find(realm, id)
    if not it or it.fence ~= fence then tell(me, "left", realm, id, fence, "") end
  end,
}

local function unfollow(node)
  local key = P .. "follows:" .. node
  for _, name in ipairs(call("SMEMBERS", key)) do
    local members, sums, seen = roomKeys(name:match("^([^:]*):(.*)$"))
    call("HDEL", seen, node)
    dropEmpty(members, sums, seen)
  end
  call("DEL", key)
end

-- Reaps a dead node, some ids at a time; last the node itself.
steps.Q = {
  1,
  function(dead)
    local it = nodes[dead]
    if not it or isAlive(dead) then return end
    if not it.isDead then
      it.isDead = true
      write(dead)
    end
    local freed = 0
    local function note()
      if freed > 0 then tell(me, "reaped", text(freed)) end
    end
    for _ = 1, REAPED_AT_ONCE do
      local name = call("SPOP", P .. "of:" .. dead)
      if not name then
        note()
        unfollow(dead)
        call("SREM", P .. "keepers", dead)
        call("HDEL", P .. "nodes", dead)
        call("HDEL", P .. "known", it.process)
        call("HDEL", P .. "calls", dead)
        call("DEL", P .. "in:" .. dead)
        call("SREM", P .. "shunned", dead)
        nodes[dead] = nil
        for _, node in ipairs(order) do
          if nodes[node] and not nodes[node].isDead then tell(node, "nodeGone", dead) end
        end
        return
      end
      local realm, id = name:match("^([^:]*):(.*)$")
      local held = find(realm, id)
      if held and held.node == dead then
        -- Its release drops it from there, last.
        call("SADD", P .. "of:" .. dead, name)
        release(held, "")
        -- A node's own address is no client's id, nor is the name of an offer.
        if realm ~= "@nodes" and realm ~= "@offers" then freed = freed + 1 end
      end
    end
    note()
  end,
}

-- A planned end: every id is given up, and the name is free.
steps.E = {
  0,
  function()
    own.isDead = true
    write(me)
  end,
}

return sweepKept
