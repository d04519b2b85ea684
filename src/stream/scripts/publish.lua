-- publish: put entries, raw mails and dead letters of one mailbox on the stream and move its cursor. All or nothing.
--
-- KEYS after the fixed ones
--   15 lease           HASH token, owner
--   16 cursor_names    SET of the names of the cursor's values
--   17 last_poll       Unix time of the last publish, s
--   18 total_emails    mails published of this mailbox
--   19…                the cursor's values, one key each, in the order of the names below
-- ARGV
--   1 group   2 most entries   3 most bytes   4 seconds an id stays known   5 most known ids   6 token of the lease
--   7 number of cursor values, then for each: name, expected ("=VALUE", "-" absent, "*" any), new ("=VALUE", "-" none)
--   then for each envelope: id, kind, version ("" stamps one), force ("1" or ""), dead code ("" lives), dead error,
--   number of slices (0: one string), bytes (0: no raw mail), payload
-- Raw mails lie staged: slices since earlier, strings since the same MULTI, which ends with this script. They are not
-- arguments, since what passes through Lua is copied and collected: that took Redis twice as long.
-- Returns {result, added, repeated, dead}; result is published, full, fenced, cursor_moved or staged_gone. But for
-- slices, which can be read only once, nothing stays staged.
-- Its first write takes memory on purpose: at the memory limit Redis refuses it there, with nothing changed.

local ENVELOPE_ARGUMENTS = 9
local TRIM_AT_ONCE = 400 -- known ids dropped by one call: more than a usual batch brings, so that trimming keeps up

local lease, cursor_names, last_poll, total_emails = KEYS[15], KEYS[16], KEYS[17], KEYS[18]
local group, max_entries, max_bytes = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local known_ttl_s, max_known, token = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local cursor_values = tonumber(ARGV[7])
local first_envelope = 8 + 3 * cursor_values

-- Whether an envelope's raw mail is one string, and whether it has any.
local function is_string(at) return ARGV[at + 6] == '0' and ARGV[at + 7] ~= '0' end
local function has_raw(at) return ARGV[at + 6] ~= '0' or ARGV[at + 7] ~= '0' end

-- Strings lie under the envelope's number in the batch as well: a batch may bring a mail twice, with other bytes.
local function staged_key(at)
  local key = stream .. ':staged:' .. ARGV[at]
  return is_string(at) and key .. ':' .. text((at - first_envelope) / ENVELOPE_ARGUMENTS) or key
end

local function is_staged(at)
  if is_string(at) then return redis.call('EXISTS', staged_key(at)) == 1 end
  return not has_raw(at) or redis.call('LLEN', staged_key(at)) == tonumber(ARGV[at + 6])
end

local function refused(result)
  for at = first_envelope, #ARGV, ENVELOPE_ARGUMENTS do
    if is_string(at) then redis.call('UNLINK', staged_key(at)) end
  end
  return {result, 0, 0, 0}
end

if redis.call('HGET', lease, 'token') ~= token then return refused('fenced') end

for i = 1, cursor_values do
  local expected = ARGV[8 + 3 * (i - 1) + 1]
  if expected ~= '*' then
    local stored = redis.call('GET', KEYS[18 + i])
    if (stored and '=' .. stored or '-') ~= expected then return refused('cursor_moved') end
  end
end

-- 1. Compute: which envelopes are new.
local us = now_us()
local now_s = math.floor(us / 1000000)
local last_version = tonumber(redis.call('GET', clock) or 0)
local fresh, repeated, seen, gone, unused = {}, 0, {}, {}, {}
local live_count, new_bytes = 0, 0
for at = first_envelope, #ARGV, ENVELOPE_ARGUMENTS do
  local id, kind, version = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if version == '' then
    last_version = math.max(last_version + 1, us)
    version = text(last_version)
    -- What is said of a mail without a version of its own is never said twice: the cursor catches a repeat.
    if kind ~= 'added' then id = string.sub(redis.sha1hex(id .. version), 1, 32) end
  end
  local place, reference, bytes = whereabouts(id)
  local is_repeat = seen[id] or false
  if place and not is_repeat then
    is_repeat = is_there(id, place, reference)
    if not is_repeat then gone[#gone + 1] = {id, place, bytes} end
  end
  if not is_repeat and not place and kind == 'added' and ARGV[at + 3] ~= '1' and ARGV[at + 4] == '' then
    local when = redis.call('ZSCORE', known, id)
    is_repeat = when and tonumber(when) > now_s - known_ttl_s
  end
  if is_repeat then
    repeated = repeated + 1
    if has_raw(at) then unused[#unused + 1] = staged_key(at) end
  else
    seen[id] = true
    fresh[#fresh + 1] = {at, id, version}
    if ARGV[at + 4] == '' then
      live_count = live_count + 1
      new_bytes = new_bytes + tonumber(ARGV[at + 7])
    end
    if not is_staged(at) then return refused('staged_gone') end
  end
end

-- 2. Admission. A batch larger than the cap itself passes when nothing waits, or it never would.
if live_count > 0 then
  local waiting = redis.call('XLEN', stream) + redis.call('ZCARD', retry)
  local waiting_bytes = tonumber(redis.call('HGET', counters, 'raw_bytes') or 0)
  local is_full = waiting + live_count > max_entries or waiting_bytes + new_bytes > max_bytes
  if waiting > 0 and is_full then
    redis.pcall('HINCRBY', counters, 'refused_full', 1) -- may fail for lack of memory; the answer stands
    return refused('full')
  end
end

-- 3. Act.
redis.call('SET', clock, text(last_version))
if redis.call('EXISTS', stream) == 0 then
  redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
end
for _, lost in ipairs(gone) do forget_lost(lost[1], lost[2], lost[3]) end

local entries, now, added_mails = {}, text(math.floor(us / 1000)), 0
local known_items, dead_count, dead_bytes = {}, 0, 0
for _, item in ipairs(fresh) do
  local at, id, version = item[1], item[2], item[3]
  local kind, code, slices, bytes, payload = ARGV[at + 1], ARGV[at + 4], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8]
  local reference
  if code == '' then
    reference = 'live ' .. add_entry(id, kind, version, '0', '0', slices, now, payload)
  else
    reference = 'dead ' .. redis.call('XADD', dead, '*', 'id', id, 'code', code, 'error', ARGV[at + 5],
      'attempts', '0', 'died_at', now, 'kind', kind, 'version', version, 'slices', slices,
      'published_at', now, 'payload', payload)
    redis.call('HINCRBY', dead_codes, code, 1)
    dead_count = dead_count + 1
    dead_bytes = dead_bytes + tonumber(bytes)
  end
  if has_raw(at) then
    redis.call('RENAME', staged_key(at), raw_key(id))
    redis.call('PERSIST', raw_key(id))
  end
  entries[#entries + 1] = id
  entries[#entries + 1] = reference .. ' ' .. bytes
  if kind == 'added' then
    known_items[#known_items + 1] = text(now_s)
    known_items[#known_items + 1] = id
    if code == '' then added_mails = added_mails + 1 end
  end
end
for _, staged in ipairs(unused) do redis.call('UNLINK', staged) end -- slices of a mail told twice are renamed by now
call_many('HSET', ledger, entries)
call_many('ZADD', known, known_items)

local stale = redis.call('ZRANGEBYSCORE', known, '-inf', text(now_s - known_ttl_s), 'LIMIT', 0, TRIM_AT_ONCE)
call_many('ZREM', known, stale)
local excess = redis.call('ZCARD', known) - max_known
if excess > 0 then redis.call('ZREMRANGEBYRANK', known, 0, math.min(excess, TRIM_AT_ONCE) - 1) end

count('published', live_count)
count('repeated', repeated)
count('dead_at_source', dead_count)
count('raw_bytes', new_bytes)
count('dead_bytes', dead_bytes)

for i = 1, cursor_values do
  local name, new = ARGV[8 + 3 * (i - 1)], ARGV[8 + 3 * (i - 1) + 2]
  if new == '-' then
    redis.call('DEL', KEYS[18 + i])
    redis.call('SREM', cursor_names, name)
  else
    redis.call('SET', KEYS[18 + i], string.sub(new, 2))
    redis.call('SADD', cursor_names, name)
  end
end
redis.call('SET', last_poll, text(now_s))
if added_mails > 0 then redis.call('INCRBY', total_emails, added_mails) end
return {'published', live_count, repeated, dead_count}
