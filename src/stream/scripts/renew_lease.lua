-- renew_lease: prolong the lease of a mailbox, or give it back.
--
-- KEYS 15 lease
-- ARGV 1 token   2 time, ms (0 gives it back)
-- Returns 1; 0 when the lease is lost.

if redis.call('HGET', KEYS[15], 'token') ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[15]) else redis.call('PEXPIRE', KEYS[15], ARGV[2]) end
return 1
