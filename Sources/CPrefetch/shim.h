/* Asks for memory ahead of its use, which Swift has no way to say; nothing is read, so any address will do. */
static inline void flowlearn_prefetch(const void *start, long count) {
  for (long offset = 0; offset < count; offset += 64)
    __builtin_prefetch((const char *)start + offset);
}
