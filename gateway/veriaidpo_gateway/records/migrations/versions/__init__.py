"""One module a step. A released step is never changed, and a step only adds: replicas roll one by one."""
