-- Adds to the timeline of a call that exists. ARGV: entries.
if not status() then return 0 end
record(takeMany())
keepTime(TIMELINE)
return 1
