-- One look at the log: everything in one answer, as of one moment (rule 4). That the record, the Stream and the marks are
-- read here also keeps them hot under `allkeys-lru` and `allkeys-lfu`.
-- ARGV: a random id for a new incarnation; the cursor's incarnation; the cursor's last id; '1' if the cursor's
-- incarnation was found broken; how many entries to answer with at most; how many names the caller remembers.
local fresh, mine, after, broken, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1', tonumber(ARGV[5])
local remembers = tonumber(ARGV[6])

local id, run = incarnation(fresh, broken and mine or nil)

local stream = {}
local flat = redis.call('XINFO', 'STREAM', events)
for i = 1, #flat, 2 do
  stream[flat[i]] = flat[i + 1]
end
local oldest = stream['first-entry'] or { '0-0' }
local added = stream['entries-added'] or -1

-- Who is new to the incarnation begins at its start, or at a mark, before which all counts as missing (rule 7).
local mark
if id ~= mine then
  mark = mark_before(id, added, remembers)
  after = mark
end
leave_mark(id, added, stream['length'], stream['last-entry'])

-- One more than asked for tells whether any are left.
local entries = redis.call('XRANGE', events, after and '(' .. after or '-', '+', 'COUNT', most + 1)
local more = 0
if #entries > most then
  entries[#entries] = nil
  more = 1
end

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
}
