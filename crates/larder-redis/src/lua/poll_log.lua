-- Polls the log: returns everything in one answer, as of one moment (rule 4). Since this script
-- reads the record, the Stream and the checkpoints, it also keeps them from eviction under
-- `allkeys-lru` and `allkeys-lfu`.
-- ARGV: a random id for a new incarnation; the cursor's incarnation; the cursor's last id; '1' if
-- the cursor's incarnation was found broken; how many names the caller can remember; the maximum
-- number of entries, of bytes and of names to return. At least one entry is returned in any case.
local fresh, mine, after, broken = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local remembers = tonumber(ARGV[5])
local most, most_bytes, most_names = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local id, run = incarnation(fresh, broken and mine or nil)

local stream = {}
local flat = redis.call('XINFO', 'STREAM', events)
for i = 1, #flat, 2 do
  stream[flat[i]] = flat[i + 1]
end
local oldest = stream['first-entry'] or { '0-0' }
local added = stream['entries-added'] or -1

-- A caller that is new to the incarnation begins at its start, or at a checkpoint. Everything
-- before that checkpoint counts as missing (rule 7).
local mark
if id ~= mine then
  mark = mark_before(id, added, remembers)
  after = mark
end
leave_mark(id, added, stream['length'], stream['last-entry'])

-- One page at a time, so that a Stream of large entries is not read into memory. The first entry
-- that does not fit shows that entries are left.
local PAGE, OVERHEAD = 32, 32
local entries, bytes, names, more = {}, 0, 0, 0
local from = after and '(' .. after or '-'
repeat
  local page = redis.call('XRANGE', events, from, '+', 'COUNT', PAGE)
  for _, entry in ipairs(page) do
    names = names + #entry[2] / 2
    bytes = bytes + OVERHEAD
    for _, field in ipairs(entry[2]) do
      bytes = bytes + #field
    end
    if #entries > 0 and (#entries >= most or bytes > most_bytes or names > most_names) then
      more = 1
      break
    end
    entries[#entries + 1] = entry
    from = '(' .. entry[1]
  end
until more == 1 or #page < PAGE

local time = redis.call('TIME')

return {
  id,
  run,
  added,
  stream['length'],
  oldest[1],
  stream['last-generated-id'],
  stream['max-deleted-entry-id'] or '0-0',
  mark or '0-0',
  entries,
  more,
  time[1] * 1000 + math.floor(time[2] / 1000),
}
