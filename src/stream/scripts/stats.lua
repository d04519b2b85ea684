-- stats: the numbers of one partition at one moment, so that they add up. Writes nothing.
--
-- ARGV 1 group
-- Returns {waiting, pending, retries, retries due, dead, dead by code, counters, age of the oldest entry in ms,
-- consumers as {name, idle ms, …}}; the pairs flat.

local group = ARGV[1]
local now = now_ms()
local pending, consumers = 0, {}
local summary = redis.pcall('XPENDING', stream, group) -- the group may be missing
if not summary.err then
  pending = summary[1]
  for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    consumers[#consumers + 1] = field(told, 'name')
    consumers[#consumers + 1] = field(told, 'idle')
  end
end
local age = 0
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
if first then age = now - tonumber(string.match(first[1], '^%d+')) end
return {redis.call('XLEN', stream), pending, redis.call('ZCARD', retry), redis.call('ZCOUNT', retry, '-inf', text(now)),
  redis.call('XLEN', dead), redis.call('HGETALL', dead_codes), redis.call('HGETALL', counters), text(age), consumers}
