-- leave: a call leaves later than its turn came, since its thread woke late. From now on it counts by when it leaves.
--
-- KEYS 1 counted, see take.lua   2 nothing: always empty
-- ARGV 1 units:turn   2 time now, µs ("": the server's)
--
-- No window goes over its budget by that, if the call is less late than a window is longer than turns are given ahead:
-- each window in which calls were promised already had counted this one too.

local now = tonumber(ARGV[2])
if ARGV[2] == '' then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000000 + tonumber(t[2])
end
redis.call('DEL', KEYS[2]) -- as in take.lua
redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now), ARGV[1])
