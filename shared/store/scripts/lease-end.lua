-- Owners let go of calls. ARGV: prefix, owner, then for each call its id, the number of its taking, and how: over, or
-- released to another owner, or broken, which is as if its owner had died. One that is held no more is left alone.
local owner = ARGV[2]
for at = 3, #ARGV, 3 do
  local id, number, how = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if redis.call('ZSCORE', heldBy(owner), id) == number then
    redis.call('ZREM', heldBy(owner), id)
    if how == 'over' then
      redis.call('DEL', base .. id)
    else
      giveBack(id, how == 'broken')
    end
  end
end
wake()
