-- Returns the run id of the server, or '' if scripts may not read it, and the sequence number of a
-- write, or '' if the write is not remembered.
-- This changes nothing. It is not declared as a script without writes, so a replica or an isolated
-- primary does not run it.
-- KEYS: ids. ARGV: the write id.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
local sequence = redis.call('ZMSCORE', KEYS[1], ARGV[1])[1]
return { run, sequence and string.format('%.0f', sequence) or '' }
