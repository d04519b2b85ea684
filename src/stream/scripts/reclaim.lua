-- reclaim: take over tickets of consumers that have been silent for longer than a lease, and of an earlier process under
-- the own name. Looks at one window of the pending entries: no call holds Redis up for long, however many are pending.
--
-- ARGV 1 group   2 consumer   3 "silent" or "own"   4 least idle time, ms   5 after this entry id ("-" from the start)
--      6 most tickets   7 most crashes   8 window: pending entries to look at   9 deliveries that count as a crash
--      10 time of the reclaim lease, ms
-- Returns {next entry id ("" at the end), tickets as {entry id, fields, crashes}, buried, deleted}, or {"busy"} while
-- another consumer reclaims.
--
-- Crashes. All that a silent consumer held become suspects: one crash. From then on a crash is counted only if the
-- silent consumer had begun this very suspect (HASH `begun`), so that bystanders are spared; or if it has been
-- delivered so often that whoever works on it cannot be saying what it begins.

local group, consumer, mode = ARGV[1], ARGV[2], ARGV[3]
local min_idle, after, wanted = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local max_crashes, window, many_deliveries = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

if mode == 'silent' then
  local holder = redis.call('GET', reclaim_lease)
  if holder and holder ~= consumer then return {'busy'} end
  redis.pcall('SET', reclaim_lease, consumer, 'PX', ARGV[10]) -- may fail for lack of memory: then all may reclaim
end

local start = after == '-' and '-' or '(' .. after
local pending
if mode == 'own' then
  pending = redis.call('XPENDING', stream, group, start, '+', window, consumer)
else
  pending = redis.call('XPENDING', stream, group, start, '+', window)
end

-- Returns the crashes, whether this one counts, and whether it is proven to be this mail's doing.
local function judge(id, holder, deliveries)
  local so_far = tonumber(redis.call('HGET', crashes, id) or 0)
  local is_proven = redis.call('HGET', begun, holder) == id or deliveries % many_deliveries == 0
  local counts = so_far == 0 or is_proven
  return counts and so_far + 1 or so_far, counts, is_proven
end

local tickets, buried, deleted, crashed, last = {}, 0, 0, 0, after
for _, entry in ipairs(pending) do
  if #tickets >= wanted then break end
  local entry_id, holder, idle, deliveries = entry[1], entry[2], entry[3], entry[4]
  last = entry_id
  local is_wanted = mode == 'own' or (idle >= min_idle and holder ~= consumer) -- who reclaims is not silent
  if is_wanted then
    local fields = fields_at(stream, entry_id)
    if not fields then
      redis.call('XACK', stream, group, entry_id)
      deleted = deleted + 1
    else
      local id = field(fields, 'id') or ''
      local crash_count, counts, is_proven = judge(id, holder, deliveries)
      if counts then crashed = crashed + 1 end
      if is_proven and crash_count >= max_crashes then
        local attempts = text((tonumber(field(fields, 'attempt')) or 0) + crash_count)
        local err = text(crash_count) .. ' workers died over this mail'
        if bury_entry(group, entry_id, fields, 'worker_crashed', err, attempts) then buried = buried + 1 end
      else
        redis.call('XCLAIM', stream, group, consumer, 0, entry_id, 'RETRYCOUNT', text(deliveries + 1), 'JUSTID')
        if counts then redis.call('HSET', crashes, id, text(crash_count)) end
        tickets[#tickets + 1] = {entry_id, fields, text(crash_count)}
      end
    end
  end
end
count('reclaimed', #tickets)
count('crashes', crashed)
count('deleted_pending', deleted)
local is_end = #pending < window and #tickets < wanted
if is_end and mode == 'silent' then redis.call('DEL', reclaim_lease) end
return {is_end and '' or last, tickets, text(buried), text(deleted)}
