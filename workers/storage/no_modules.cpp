// SQLite can load extensions; a static of-storage has no loader for them. `--wrap=dlopen` brings SQLite here, and there
// are none.
extern "C" void* __wrap_dlopen(const char*, int) { return nullptr; }
