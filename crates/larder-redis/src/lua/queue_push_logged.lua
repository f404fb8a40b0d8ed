-- Pushes the writes of one batch, appends the invalidations of their keys to the log, and polls it.
-- All of that is one step, in this order: a reader that has read an invalidation also finds the
-- write that it belongs to.
-- Returns the answer of queue_push_batch.lua. If writes were queued, it also returns the
-- incarnation of the log, the id of their entry, and the page of a poll. All of them share one
-- entry, in the order of the writes. The page has the entries before that one. It is missing if the
-- caller wants none, or if the log is of another incarnation. If the log fails after the push,
-- there is the error in their place.
-- KEYS: those of the log, and then those of the batch.
-- ARGV: a random id for a new incarnation; the approximate number of entries to keep; the
-- approximate number of bytes that the Stream may take; the cursor's incarnation; the cursor's last
-- id; '1' if the caller wants a page; the maximum number of entries, of bytes and of names in it;
-- and then the arguments of the batch. The keys of all writes fit into one entry.
local FIRST_KEY, FIRST_ARGUMENT = 7, 10
local fresh, keep, most_size = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local mine, after, wants_page = ARGV[4], ARGV[5], ARGV[6] == '1'

-- Appends the invalidations with these names. Returns the incarnation, the server's run id, and the id
-- of the entry.
local function append_names(names)
  local fields, size = {}, 0
  for i = 1, #names do
    fields[2 * i - 1], fields[2 * i] = 'h', names[i]
    size = size + #names[i] + OVERHEAD
  end
  local id, run = incarnation(fresh, nil)
  local kept, limit = room_for(size, fresh, keep, most_size)
  return id, run, add_entry(kept, limit, fields, 1, #fields)
end

local function fits()
  return true
end

-- Appends, and returns the incarnation, the id of the entry, and the page.
local function append_and_poll(names)
  local id, run, own = append_names(names)
  if id ~= mine or not wants_page then
    return { id, own }
  end
  local stream = stream_of(id)
  leave_mark(id, stream.added, stream['length'], stream.newest)
  local most, most_bytes, most_names = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
  local entries, more = entries_between(after, '(' .. own, most, most_bytes, most_names, fits)
  return { id, own, page_of(id, run, stream, nil, entries, more, 0) }
end

local all_queued = {}
local answer = push_batch(FIRST_KEY, FIRST_ARGUMENT, all_queued)
if #all_queued == 0 then
  return { answer }
end
local done, result = pcall(append_and_poll, all_queued)
if done then
  return { answer, result }
end
return { answer, type(result) == 'table' and result.err or tostring(result) }
