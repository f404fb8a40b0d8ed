-- Polls the log: returns everything in one answer, as of one moment (rule 4). Since this script
-- reads the record, the Stream and the checkpoints, it also keeps them from eviction under
-- `allkeys-lru` and `allkeys-lfu`.
-- ARGV: a random id for a new incarnation; the cursor's incarnation; the cursor's last id; '1' if
-- the cursor's incarnation was found broken; how many names the caller can remember; the maximum
-- number of entries, of bytes and of names to return; a token for the caller; '1' if the caller is
-- still replaying the cursor's incarnation; the incarnation that took the caller's newest append,
-- how many microseconds ago that was, and how long ago any other one took an append, or -1.
-- At least one entry is returned in any case.
local fresh, mine, after, broken = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local remembers = tonumber(ARGV[5])
local most, most_bytes, most_names = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local token, replaying = ARGV[9], ARGV[10] == '1'
local appended_to, appended, elsewhere = ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])

local id, run = incarnation(fresh, broken and mine or nil)

-- The caller appended to another incarnation, which may have gone on after this one began. So this
-- one may contain responses that the caller invalidated, unless everything was refused since then
-- (rule 6). Only one of many callers has to append *all*.
local function is_missing(age)
  return age >= 0 and not is_fenced(id, age)
end
if id ~= mine and (is_missing(elsewhere) or id ~= appended_to and is_missing(appended)) then
  redis.call('XADD', events, '*', 'h', 'a:')
  set_fence(id)
end

local stream = {}
local flat = redis.call('XINFO', 'STREAM', events)
for i = 1, #flat, 2 do
  stream[flat[i]] = flat[i + 1]
end
local oldest = stream['first-entry'] or { '0-0' }
local added = stream['entries-added'] or -1

-- The number of entries that were ever added, or -1 if that does not show whether entries are
-- missing (rule 7). If the Stream alone was lost, another program may have created it again with an
-- `XADD`, before any script saw that it was gone. It then begins with another entry.
local counted = oldest[2] and oldest[2][1] == 'i' and oldest[2][2] == id and added or -1

-- A caller that is new to the incarnation begins at its start, or at a checkpoint. Everything
-- before that checkpoint counts as missing (rule 7).
local mark
if id ~= mine then
  mark = mark_before(id, added, remembers)
  after = mark
end
leave_mark(id, added, stream['length'], stream['last-entry'])

-- A caller that is replaying gets only these numbers of entries, bytes and names if it has no place
-- among the starts.
local FEW, FEW_BYTES, FEW_NAMES = 64, 16384, 64
local OVERHEAD = 32
local entries, bytes, names, more, busy = {}, 0, 0, 0, 0
local is_admitted = not (replaying or id ~= mine)

-- Returns whether the answer may have a further entry.
local function has_room()
  if #entries == 0 then
    return true
  end
  if not is_admitted and (#entries >= FEW or bytes > FEW_BYTES or names > FEW_NAMES) then
    is_admitted = may_start(token)
    busy = is_admitted and 0 or 1
  end
  return busy == 0 and #entries < most and bytes <= most_bytes and names <= most_names
end

-- One page at a time, so that few entries are read that do not fit. The first entry that does not
-- fit shows that entries are left.
local SMALL_PAGE, PAGE, PAGE_NAMES, PAGE_BYTES = 4, 64, 128, 8192
local count, from = SMALL_PAGE, after and '(' .. after or '-'
repeat
  local page = redis.call('XRANGE', events, from, '+', 'COUNT', count)
  for _, entry in ipairs(page) do
    names = names + #entry[2] / 2
    bytes = bytes + OVERHEAD
    for _, field in ipairs(entry[2]) do
      bytes = bytes + #field
    end
    if not has_room() then
      more = 1
      break
    end
    entries[#entries + 1] = entry
    from = '(' .. entry[1]
  end
  local is_last = #page < count
  local alike = #entries * math.min(PAGE_NAMES / math.max(names, 1), PAGE_BYTES / math.max(bytes, 1))
  count = math.max(1, math.min(PAGE, math.floor(alike)))
until more == 1 or is_last

if more == 0 and (replaying or id ~= mine) then
  end_start(token)
end

local answered = redis.call('TIME')

return {
  id,
  run,
  counted,
  stream['length'],
  oldest[1],
  stream['last-generated-id'],
  stream['max-deleted-entry-id'] or '0-0',
  mark or '0-0',
  entries,
  more,
  answered[1] * 1000 + math.floor(answered[2] / 1000),
  busy,
}
