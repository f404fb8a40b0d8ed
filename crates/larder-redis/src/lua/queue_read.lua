-- Returns the next writes: 'batch', an entry for each of them as if it had its own, the id of the
-- last one that was read, '1' if there are more or '0', the number of operations that were moved to
-- the quarantine, and the id and the sequence number of the newest write among them, or '' if it is
-- not remembered. Entries that are none of ours are returned as they are.
-- Returns 'lost' if the caller has no right to read.
-- KEYS: state, writes, quarantined, ids, reader.
-- ARGV: the reader; the place after which to begin, or ''; the maximum number of entries; the
-- maximum number of bytes.
local max_entries, max_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
if reader_of(KEYS[5]) ~= ARGV[1] then
  return { 'lost' }
end

-- One page at a time, so that few entries are read that do not fit. At most so many operations are
-- moved at once.
local SMALL_PAGE, PAGE, PAGE_BYTES, MAX_HELD = 4, 64, 32768, 500
-- The highest second part of an id.
local END = '-18446744073709551615'

local has_quarantine = redis.call('ZCARD', quarantined) > 0

local function is_held(write)
  local from = mark_of(write.key)
  return from and tonumber(write.sequence) >= from
end

local entries, bytes, held, last, newest = {}, 0, 0, '', nil

-- Returns whether the answer has room for so many more bytes.
local function has_room(size)
  return #entries == 0 or #entries < max_entries and bytes + size <= max_bytes
end

-- Returns whether the write was taken into the answer or moved.
local function take(write)
  if has_quarantine and write.kind == 'o' and is_held(write) then
    if held >= MAX_HELD then
      return false
    end
    hold(write, '')
    held = held + 1
  else
    local size = size_of(write)
    if not has_room(size) then
      return false
    end
    local fields = { 'k', write.key, write.kind, write.payload }
    -- A dead letter that is tried again keeps its older sequence number.
    if write.sequence == write.place then
      newest = write.sequence
    else
      fields[5], fields[6] = 's', write.sequence
    end
    entries[#entries + 1] = { write.place .. '-0', fields }
    bytes = bytes + size
  end
  last = write.place .. '-0'
  return true
end

-- Returns whether all writes of the entry behind the place `after` were taken.
local function take_all(entry, after)
  local all = writes_of(entry)
  if not all then
    if not has_room(0) then
      return false
    end
    entries[#entries + 1] = entry
  end
  for _, write in ipairs(all or {}) do
    if tonumber(write.place) > after and not take(write) then
      return false
    end
  end
  last = entry[1]
  return true
end

local after = tonumber(ARGV[2]) or -1
local more, from, page_size, taken = '0', ARGV[2] == '' and '-' or '(' .. ARGV[2] .. END, SMALL_PAGE, 0
repeat
  local page = redis.call('XRANGE', writes, from, '+', 'COUNT', page_size)
  for _, entry in ipairs(page) do
    if not take_all(entry, after) then
      more = '1'
      break
    end
    from, taken = '(' .. entry[1], taken + 1
  end
  local is_end = #page < page_size
  if bytes > 0 then
    page_size = math.max(1, math.min(PAGE, math.floor(taken * PAGE_BYTES / bytes)))
  end
until more == '1' or is_end
local id = newest and redis.call('ZRANGE', ids, newest, newest, 'BYSCORE')[1]
return { 'batch', entries, last, more, held, id or '', id and newest or '' }
