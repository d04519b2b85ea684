-- Put before every script by `src/stream/scripts.py`. Names the keys that all scripts are given, in this order
-- (`Keys.fixed` in `src/stream/keys.py`), and holds what several scripts do alike.
--
-- The ledger tells of every mail that is on its way or dead where it is, as "PLACE REFERENCE BYTES":
--   live ENTRY_ID BYTES      on the stream, pending or not
--   retry - BYTES            among the retries
--   dead DEAD_ENTRY_ID BYTES among the dead letters
-- BYTES is the size of its raw mail as it lies in Redis.
--
-- Out of memory: Redis refuses a script only at its first write, and only if that may take memory. A script that
-- drains the stream therefore begins with a write that frees, if need be of nothing (`free_first`); one that fills it
-- does not.
--
-- New place first, old place last. A move is one MULTI in the AOF, but when Redis is killed while it writes one, and then
-- killed again, the beginning of that MULTI may take effect by itself (Redis 6.2 and 7.0 cut the torn command off, not
-- its MULTI). So no beginning of a move may leave a mail nowhere: it may be in two places, and then the ledger tells
-- which one counts. The other is dropped when it comes up ("stale").

local stream, retry, retry_tickets, ledger, known = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local counters, clock, dead, dead_codes, crashes = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local begun, lives, processed, reclaim_lease = KEYS[11], KEYS[12], KEYS[13], KEYS[14]
local FIXED_KEYS = 14
local workers = stream .. ':workers' -- HASH: consumer to its last beat (ms, server's clock); expires
local CHUNK = 1000 -- most arguments of one call, well below the 8,000 that unpack() can take
local FOREIGN_FIELDS = 64 -- most field names and values kept of an entry that no publish wrote

-- Numbers above 2^31 would otherwise be written as 1.7e+15.
local function text(number) return string.format('%.0f', number) end

local function now_us()
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000000 + tonumber(t[2])
end

local function now_ms() return math.floor(now_us() / 1000) end

local function count(name, by)
  if by ~= 0 then redis.call('HINCRBY', counters, name, text(by)) end
end

local function raw_key(id) return stream .. ':raw:' .. id end

-- Calls a command with any number of arguments, in chunks; returns the sum of the answers.
local function call_many(command, key, items)
  local sum = 0
  for from = 1, #items, CHUNK do
    sum = sum + redis.call(command, key, unpack(items, from, math.min(from + CHUNK - 1, #items)))
  end
  return sum
end

local function owns(group, entry_id, consumer)
  return redis.call('XPENDING', stream, group, entry_id, entry_id, 1, consumer)[1] ~= nil
end

local function fields_at(key, entry_id)
  local found = redis.call('XRANGE', key, entry_id, entry_id)[1]
  return found and found[2]
end

local function field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
  return nil -- said aloud: tonumber() takes a nil, but not nothing
end

-- Returns for how many ms a consumer was not heard of: XINFO's own idle time, or the time since its last beat, whichever
-- is shorter. Redis 6.2 does not count a read that finds nothing, so an idle worker is known by its beat alone.
local function silent_ms(told)
  local idle = tonumber(field(told, 'idle'))
  local beat = tonumber(redis.call('HGET', workers, field(told, 'name')) or nil)
  return beat and math.max(0, math.min(idle, now_ms() - beat)) or idle
end

-- Returns place, reference and bytes; nothing for an id that is neither on its way nor dead.
local function whereabouts(id)
  local told = redis.call('HGET', ledger, id)
  if not told then return nil, nil, 0 end
  local place, reference, bytes = string.match(told, '^(%a+) (%S+) (%d+)$')
  return place, reference, tonumber(bytes or 0)
end

-- Makes every write that follows pass, even at the memory limit.
local function free_first() redis.call('DEL', stream .. ':nothing') end

-- Tells whether an entry is a second copy of a mail that is elsewhere.
local function is_stale(id, entry_id)
  local place, reference = whereabouts(id)
  return place ~= nil and not (place == 'live' and reference == entry_id)
end

-- Drops one entry of the group, and nothing else of its mail.
local function drop_stale(group, entry_id)
  redis.call('XACK', stream, group, entry_id)
  redis.call('XDEL', stream, entry_id)
  count('stale', 1)
end

-- Tells whether a dead letter is a second copy of a mail that is elsewhere.
local function is_second_letter(id, dead_id)
  local place, reference = whereabouts(id)
  return place ~= nil and not (place == 'dead' and reference == dead_id)
end

-- Deletes one dead letter, and nothing else of its mail.
local function drop_letter(dead_id, fields)
  redis.call('XDEL', dead, dead_id)
  local code = field(fields, 'code') or ''
  if redis.call('HINCRBY', dead_codes, code, -1) <= 0 then redis.call('HDEL', dead_codes, code) end
end

-- Tells whether a mail is done: published lately, and neither on its way nor dead.
local function is_done(id, place)
  return not place and redis.call('ZSCORE', known, id) ~= false
end

-- Tells whether a mail still is where the ledger says. Someone may have deleted its entry by hand.
local function is_there(id, place, reference)
  if place == 'live' then return fields_at(stream, reference) ~= nil end
  if place == 'retry' then return redis.call('ZSCORE', retry, id) ~= false end
  return place == 'dead' and fields_at(dead, reference) ~= nil
end

-- Forgets a mail whose entry is gone, so that its source may bring it again. The only place that counts `lost`.
local function forget_lost(id, place, bytes)
  redis.call('UNLINK', raw_key(id))
  redis.call('HDEL', ledger, id)
  redis.call('HDEL', crashes, id)
  redis.call('HDEL', retry_tickets, id)
  redis.call('ZREM', known, id)
  if place == 'dead' then
    count('dead_lost', 1)
    count('dead_bytes', -bytes)
  else
    count('lost', 1)
    count('raw_bytes', -bytes)
  end
end

-- Puts a ticket on the stream, its fields in the order in which people read them.
local function add_entry(id, kind, version, attempt, crash_count, slices, published_at, payload)
  return redis.call('XADD', stream, '*', 'id', id, 'kind', kind, 'version', version, 'attempt', attempt,
    'crashes', crash_count, 'slices', slices, 'published_at', published_at, 'payload', payload)
end

-- Puts a ticket's fields (flat: name, value, …) back on the stream under a new entry id.
local function add_again(fields, attempt, crash_count)
  return add_entry(field(fields, 'id') or '', field(fields, 'kind') or '', field(fields, 'version') or '0', attempt,
    crash_count, field(fields, 'slices') or '0', field(fields, 'published_at') or '0', field(fields, 'payload') or '')
end

-- Moves one entry of the group to the dead letters; its raw mail stays under its key. A second copy is only dropped.
-- Returns whether there is a dead letter now.
local function bury_entry(group, entry_id, fields, code, err, attempts)
  free_first()
  local id = field(fields, 'id') or ''
  if id == '' then id = 'foreign-' .. entry_id end
  local place, _, bytes = whereabouts(id)
  if is_stale(id, entry_id) or (code == 'raw_missing' and is_done(id, place)) then
    drop_stale(group, entry_id)
    return false
  end
  local letter = {'id', id, 'code', code, 'error', err, 'attempts', attempts, 'died_at', text(now_ms())}
  for _, name in ipairs({'kind', 'version', 'slices', 'published_at', 'payload'}) do
    letter[#letter + 1] = name
    letter[#letter + 1] = field(fields, name) or ''
  end
  if not field(fields, 'payload') then
    local kept = {unpack(fields, 1, math.min(#fields, FOREIGN_FIELDS))}
    letter[#letter + 1] = 'fields'
    letter[#letter + 1] = string.sub(cjson.encode(kept), 1, 65536)
  end
  local dead_id = redis.call('XADD', dead, '*', unpack(letter))
  redis.call('HSET', ledger, id, 'dead ' .. dead_id .. ' ' .. text(bytes))
  redis.call('XACK', stream, group, entry_id)
  redis.call('XDEL', stream, entry_id)
  redis.call('HDEL', crashes, id)
  redis.call('HINCRBY', dead_codes, code, 1)
  count('dead', 1)
  count('raw_bytes', -bytes)
  count('dead_bytes', bytes)
  if not place then count('foreign', 1) end
  return true
end

