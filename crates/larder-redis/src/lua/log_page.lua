-- Reading the log: the extent of its Stream, and its entries after a cursor.

-- Returns the fields of `XINFO STREAM`, and four more. `oldest` and `newest` are the ids of the
-- first and the last entry. `added` is the number of entries that were ever added. `counted` is
-- the same, or -1 if that does not show whether entries are missing (rule 7). If the Stream
-- alone was lost, another program may have created it again with an `XADD`, before any script
-- saw that it was gone. It then begins with another entry than that of the incarnation `id`.
local function stream_of(id)
  local stream = {}
  -- Without `FULL`, it returns the last entry as well, which may have many names.
  local flat = redis.call('XINFO', 'STREAM', events, 'FULL', 'COUNT', 1)
  for i = 1, #flat, 2 do
    stream[flat[i]] = flat[i + 1]
  end
  local first = stream['entries'][1] or { '0-0' }
  local fields = first[2]
  stream.oldest, stream.newest = first[1], stream['length'] > 0 and stream['last-generated-id']
  stream.added = stream['entries-added'] or -1
  stream.counted = fields and fields[1] == 'i' and fields[2] == id and stream.added or -1
  return stream
end

-- Returns the entries after the id `after`, or all of them without one, up to the id `to`. Also
-- returns 1 if some are left, or 0. `most`, `most_bytes` and `most_names` are the limits.
-- `may_have` decides about a further entry: it gets the number of those before it, and the bytes
-- and the names with it. At least one entry is returned in any case.
local function entries_between(after, to, most, most_bytes, most_names, may_have)
  local OVERHEAD_BYTES = 32
  -- One page at a time, so that few entries are read that do not fit. The first entry that does not
  -- fit shows that entries are left.
  local SMALL_PAGE, PAGE, PAGE_NAMES, PAGE_BYTES = 4, 64, 128, 8192
  local entries, bytes, names, more = {}, 0, 0, 0
  local count, from, is_last = SMALL_PAGE, after and '(' .. after or '-', false
  repeat
    local page = redis.call('XRANGE', events, from, to, 'COUNT', count)
    for _, entry in ipairs(page) do
      names = names + #entry[2] / 2
      bytes = bytes + OVERHEAD_BYTES
      for _, field in ipairs(entry[2]) do
        bytes = bytes + #field
      end
      local fits = may_have(#entries, bytes, names) and #entries < most and bytes <= most_bytes
      if #entries > 0 and not (fits and names <= most_names) then
        more = 1
        break
      end
      entries[#entries + 1] = entry
      from = '(' .. entry[1]
    end
    is_last = #page < count
    local alike = #entries * math.min(PAGE_NAMES / math.max(names, 1), PAGE_BYTES / math.max(bytes, 1))
    count = math.max(1, math.min(PAGE, math.floor(alike)))
  until more == 1 or is_last
  return entries, more
end

-- Returns the answer to a poll.
local function page_of(id, run, stream, mark, entries, more, busy)
  return {
    id,
    run,
    stream.counted,
    stream['length'],
    stream.oldest,
    stream['last-generated-id'],
    stream['max-deleted-entry-id'] or '0-0',
    mark or '0-0',
    entries,
    more,
    time[1] * 1000 + math.floor(time[2] / 1000),
    busy,
  }
end
