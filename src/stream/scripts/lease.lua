-- lease: take the lease of a mailbox. Tokens come from the server's clock: never given twice, even after a FLUSHALL.
--
-- KEYS 15 lease
-- ARGV 1 owner   2 time, ms
-- Returns the token; "" while another owner holds the lease.

local lease = KEYS[15]
local owner = redis.call('HGET', lease, 'owner')
if owner and owner ~= ARGV[1] then return '' end
local last = tonumber(redis.call('HGET', lease, 'token') or 0)
local token = text(math.max(last + 1, now_us()))
redis.call('DEL', lease) -- frees first, so that a full Redis does not make producers come and go
redis.call('HSET', lease, 'token', token, 'owner', ARGV[1])
redis.call('PEXPIRE', lease, ARGV[2])
return token
