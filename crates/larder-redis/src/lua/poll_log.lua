-- Polls the log: returns everything in one answer, as of one moment (rule 4). Since this script
-- reads the record, the Stream and the checkpoints, it also keeps them from eviction under
-- `allkeys-lru` and `allkeys-lfu`.
-- ARGV: a random id for a new incarnation; the cursor's incarnation; the cursor's last id; '1' if
-- the cursor's incarnation was found broken; how many names the caller can remember; the maximum
-- number of entries, of bytes and of names to return; a token for the caller; '1' if the caller is
-- still replaying the cursor's incarnation, '2' if it has just read that to its end; the incarnation
-- that took the caller's newest append, how many microseconds ago that was, and how long ago any
-- other one took an append, or -1.
-- At least one entry is returned in any case, unless the maximum number is 0.
local fresh, mine, after, broken = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1'
local remembers = tonumber(ARGV[5])
local most, most_bytes, most_names = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local token, replaying, has_replayed = ARGV[9], ARGV[10] == '1', ARGV[10] == '2'
local appended_to, appended, elsewhere = ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])

local id, run = incarnation(fresh, broken and mine or nil)

-- The caller reads the entries with `XRANGE` in the same transaction. Of another incarnation, it
-- takes nothing but the id: an ordinary poll follows.
if most == 0 then
  local stream, has_place = stream_of(id), true
  if id == mine then
    leave_mark(id, stream.added, stream['length'], stream.newest)
    has_place = not replaying or may_start(token)
  end
  if has_replayed then
    end_start(token)
  end
  return page_of(id, run, stream, nil, {}, 0, has_place and 0 or 1)
end

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

local stream = stream_of(id)

-- A caller that is new to the incarnation begins at its start, or at a checkpoint. Everything
-- before that checkpoint counts as missing (rule 7).
local mark
if id ~= mine then
  mark = mark_before(id, stream.added, remembers)
  after = mark
end
leave_mark(id, stream.added, stream['length'], stream.newest)

-- A caller that is replaying gets only these numbers of entries, bytes and names if it has no place
-- among the starts.
local FEW, FEW_BYTES, FEW_NAMES = 64, 16384, 64
local busy = 0
local is_admitted = not (replaying or id ~= mine)

-- Returns whether the answer may have a further entry.
local function may_have(entries, bytes, names)
  if not is_admitted and entries > 0 and (entries >= FEW or bytes > FEW_BYTES or names > FEW_NAMES) then
    is_admitted = may_start(token)
    busy = is_admitted and 0 or 1
  end
  return busy == 0
end

local entries, more = entries_between(after, '+', most, most_bytes, most_names, may_have)
if more == 0 and (replaying or id ~= mine) then
  end_start(token)
end
return page_of(id, run, stream, mark, entries, more, busy)
