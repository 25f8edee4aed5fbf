-- Tries every command that the scripts use on a key of its own, and names the first that is forbidden;
-- "keys" if the user may not use the keys of this prefix.
local key = ARGV[1] .. "probe:" .. ARGV[2]
local tries = {
  { "HSET", key, "a", "1" },
  { "HGET", key, "a" },
  { "HMGET", key, "a" },
  { "HGETALL", key },
  { "HLEN", key },
  { "HEXISTS", key, "a" },
  { "HINCRBY", key, "a", "1" },
  { "PEXPIRE", key, "60000" },
  { "HSCAN", key, "0", "COUNT", "1" },
  { "HDEL", key, "a" },
  { "SADD", key, "a" },
  { "SCARD", key },
  { "SISMEMBER", key, "a" },
  { "SMEMBERS", key },
  { "SREM", key, "b" },
  { "SPOP", key },
  { "XADD", key, "*", "a", "1" },
  { "XLEN", key },
  { "XTRIM", key, "MINID", "1" },
  { "DEL", key },
  { "TIME" },
}
for _, try in ipairs(tries) do
  local answer = redis.pcall((unpack or table.unpack)(try))
  if type(answer) == "table" and answer.err then
    redis.pcall("DEL", key)
    if answer.err:find("access") and answer.err:find("key") then return { "keys" } end
    if answer.err:find("ACL") or answer.err:find("NOPERM") or answer.err:find("can't run") then
      return { try[1] }
    end
    return redis.error_reply(answer.err)
  end
end
return { "" }
