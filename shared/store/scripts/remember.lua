-- The first to use an Idempotency-Key wins. KEYS: the key. ARGV: value, time in ms. Answers what stands.
local standing = redis.call('GET', KEYS[1])
if standing then return standing end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
