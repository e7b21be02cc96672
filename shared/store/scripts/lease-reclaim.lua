-- An owner whose lease was gone asks which of its calls are still its own. One that nobody has taken since is taken back;
-- one Redis has forgotten is made again. ARGV: prefix, owner, the time in ms, options of a job as JSON, then for each call
-- its id and the number of its taking. Answers what was not simply held: id, then 'retaken', 'remade' or 'lost'; or
-- 'unknown' when the owner has no lease.
local owner, time, options = ARGV[2], ARGV[3], ARGV[4]
if not isKnown(owner) then return 'unknown' end
local told = {}

-- Off the place where it waits for an owner, or where one has died in the middle of taking it.
local function isFree(id)
  if redis.call('LREM', wait, -1, id) > 0 then return true end
  return redis.call('EXISTS', base .. id .. ':lock') == 0 and redis.call('LREM', active, 1, id) > 0
end

local function what(id)
  if redis.call('EXISTS', base .. id) == 0 then
    redis.call('HSET', base .. id, 'name', 'call', 'data', cjson.encode({ sid = id }), 'opts', options,
      'timestamp', time, 'delay', 0, 'priority', 0, 'processedOn', time, 'ats', 1)
    return 'remade'
  end
  return isFree(id) and 'retaken' or 'lost'
end

for at = 5, #ARGV, 2 do
  local id, number = ARGV[at], ARGV[at + 1]
  if redis.call('ZSCORE', heldBy(owner), id) ~= number then
    local answer = what(id)
    if answer ~= 'lost' then redis.call('ZADD', heldBy(owner), number, id) end
    told[#told + 1] = id
    told[#told + 1] = answer
  end
end
return told
