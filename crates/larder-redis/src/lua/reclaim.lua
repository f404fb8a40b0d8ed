-- Removes responses with a lower position than an invalidation, or with another incarnation.
-- KEYS: responses that the invalidation names. ARGV: the first bytes of a response with the
-- invalidation's position.
-- Returns how many were removed, and 1 if one of them named the fields that select a variant (kind
-- 2 in byte 3).
local event = ARGV[1]

local removed, variants = 0, 0
for _, key in ipairs(KEYS) do
  local there = redis.pcall('GETRANGE', key, 0, HEAD - 1)
  if has_position(there) and (not same_incarnation(there, event) or beyond(event, there)) then
    removed = removed + redis.call('UNLINK', key)
    if is_reference(there) then
      redis.call('UNLINK', key .. BODY)
    end
    if string.byte(there, 4) == 2 then
      variants = 1
    end
  end
end
return { removed, variants }
