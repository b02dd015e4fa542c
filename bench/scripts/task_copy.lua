--- task_copy: no hooks, since -w and -f do it all; bench/run times it.
---
--- usage   capengine run bench/scripts/task_copy.lua -r FILE -w OUT [-f FILTER]

return {}
