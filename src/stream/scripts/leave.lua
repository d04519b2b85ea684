-- leave: delete a consumer that holds nothing. A plain XGROUP DELCONSUMER would orphan what it holds.
--
-- ARGV 1 group   2 consumer   3 least idle time, ms (0 for the own consumer)
-- Returns 1; 0 when it still holds tickets or has been heard of since.

local group, consumer, min_idle = ARGV[1], ARGV[2], tonumber(ARGV[3])
if redis.call('XPENDING', stream, group, '-', '+', 1, consumer)[1] then return 0 end
if min_idle > 0 then
  for _, told in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    if field(told, 'name') == consumer and silent_ms(told) < min_idle then return 0 end
  end
end
redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer)
redis.call('HDEL', begun, consumer)
redis.call('HDEL', lives, consumer)
redis.call('HDEL', workers, consumer)
return 1
