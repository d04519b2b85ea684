-- group: create the consumer group at 0, never at $: what is not settled is read again.
--
-- ARGV 1 group
-- Returns 1; 0 when it was there.
-- Frees first, see _shared.lua: a full Redis must not keep workers from their work.

free_first()
local told = redis.pcall('XGROUP', 'CREATE', stream, ARGV[1], '0', 'MKSTREAM')
if not told.err then return 1 end
if string.find(told.err, 'BUSYGROUP', 1, true) then return 0 end
return redis.error_reply(told.err)
