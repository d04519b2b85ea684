-- beat: a consumer says that it lives. What has not beaten for long is forgotten, whoever it was.
--
-- ARGV 1 consumer   2 forgotten after, ms

local consumer, forget_ms = ARGV[1], tonumber(ARGV[2])
free_first()
local now = now_ms()
local told = redis.call('HGETALL', workers)
for i = 1, #told, 2 do
  if now - (tonumber(told[i + 1]) or 0) > forget_ms then redis.call('HDEL', workers, told[i]) end
end
redis.call('HSET', workers, consumer, text(now))
redis.call('PEXPIRE', workers, text(forget_ms))
return 1
