-- Returns the next entries: 'batch', the entries, the id of the last one that was read, '1' if
-- there are more or '0', the number of operations that were moved to the quarantine, and the id
-- and the sequence number of the newest write among the entries, or '' if it is not remembered.
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

-- Returns whether the entry was taken into the answer or moved.
local function take(entry)
  local write = write_of(entry)
  if has_quarantine and write and write.kind == 'o' and is_held(write) then
    if held >= MAX_HELD then
      return false
    end
    hold(write, '')
    held = held + 1
    return true
  end
  local size = write and size_of(write) or 0
  if #entries > 0 and (#entries >= max_entries or bytes + size > max_bytes) then
    return false
  end
  entries[#entries + 1] = entry
  bytes = bytes + size
  -- A dead letter that is tried again keeps its older sequence number.
  if write and write.sequence == write.place then
    newest = write.sequence
  end
  return true
end

local more, from, page_size = '0', ARGV[2] == '' and '-' or '(' .. ARGV[2] .. END, SMALL_PAGE
repeat
  local page = redis.call('XRANGE', writes, from, '+', 'COUNT', page_size)
  for _, entry in ipairs(page) do
    if not take(entry) then
      more = '1'
      break
    end
    last, from = entry[1], '(' .. entry[1]
  end
  local is_end = #page < page_size
  if bytes > 0 then
    page_size = math.max(1, math.min(PAGE, math.floor(#entries * PAGE_BYTES / bytes)))
  end
until more == '1' or is_end
local id = newest and redis.call('ZRANGE', ids, newest, newest, 'BYSCORE')[1]
return { 'batch', entries, last, more, held, id or '', id and newest or '' }
