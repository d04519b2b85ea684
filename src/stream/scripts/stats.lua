-- stats: the numbers of one partition at one moment, so that they add up. Writes nothing.
--
-- ARGV 1 group
-- Returns {waiting, pending, retries, retries due, dead, dead by code, counters, age of the oldest entry in ms,
-- consumers as {name, ms since last heard of, …}}; the pairs flat.

local group = ARGV[1]
local now = now_ms()
local pending, consumers, is_told = 0, {}, {}
local summary = redis.pcall('XPENDING', stream, group) -- the group may be missing
if not summary.err then
  pending = summary[1]
  for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    is_told[field(told, 'name')] = true
    consumers[#consumers + 1] = field(told, 'name')
    consumers[#consumers + 1] = silent_ms(told)
  end
end
local beats = redis.call('HGETALL', workers) -- Redis 6.2 knows a consumer only once it was given an entry
for i = 1, #beats, 2 do
  if not is_told[beats[i]] then
    consumers[#consumers + 1] = beats[i]
    consumers[#consumers + 1] = math.max(0, now - tonumber(beats[i + 1]))
  end
end
local age = 0
local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
if first then age = now - tonumber(string.match(first[1], '^%d+')) end
return {redis.call('XLEN', stream), pending, redis.call('ZCARD', retry), redis.call('ZCOUNT', retry, '-inf', text(now)),
  redis.call('XLEN', dead), redis.call('HGETALL', dead_codes), redis.call('HGETALL', counters), text(age), consumers}
