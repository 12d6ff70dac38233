/* Linked into every program that scripts/sanitize builds.

   Options: they stand here and not in the environment, since tests start programs with environments of their own, and
   reports go to files, since tests compare what programs print.

   Mutex: on Linux the fast path of Synchronization.Mutex is inlined and so seen by the thread sanitizer. The slow path,
   in which the kernel hands the lock over (FUTEX_LOCK_PI), is in a library that is not instrumented: without the
   functions below each lock that two threads wanted at once is reported as a race.

   Copies on write: who is the last to have an array writes to it in place. The order with those who have read it before is
   that of the count of references, which the runtime, not instrumented either, keeps. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
  return "log_path=" REPORTS "/thread exitcode=0 suppressions=" SUPPRESSIONS;
}

/* Leaks are not looked for: these processes end while their threads run. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "log_path=" REPORTS "/address detect_leaks=0"; }

void __tsan_acquire(void *address) __attribute__((weak));
void __tsan_release(void *address) __attribute__((weak));

static void acquire(void *address) {
  if (__tsan_acquire) __tsan_acquire(address);
}

static void release(void *address) {
  if (__tsan_release) __tsan_release(address);
}

#define SWIFT_METHOD __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static SWIFT_METHOD void (*next_lock)(uint32_t thread, SWIFT_SELF void *handle);
static SWIFT_METHOD void (*next_unlock)(SWIFT_SELF void *handle);
static void (*next_release)(void *object);
static bool (*next_is_unique)(const void *object);

static void find(void) {
  next_lock = dlsym(RTLD_NEXT, LOCK_SLOW);
  next_unlock = dlsym(RTLD_NEXT, UNLOCK_SLOW);
  next_is_unique = dlsym(RTLD_NEXT, "swift_isUniquelyReferenced_nonNull_native");
  next_release = dlsym(RTLD_NEXT, "swift_release");
}

__attribute__((constructor)) static void find_at_start(void) { find(); }

SWIFT_METHOD void lockSlow(uint32_t thread, SWIFT_SELF void *handle) __asm__(LOCK_SLOW);
SWIFT_METHOD void lockSlow(uint32_t thread, SWIFT_SELF void *handle) {
  next_lock(thread, handle);
  acquire(handle);
}

SWIFT_METHOD void unlockSlow(SWIFT_SELF void *handle) __asm__(UNLOCK_SLOW);
SWIFT_METHOD void unlockSlow(SWIFT_SELF void *handle) {
  release(handle);
  next_unlock(handle);
}

void swift_release(void *object);
void swift_release(void *object) {
  if (!next_release) find();
  // Negative: not an object of the heap.
  if ((intptr_t)object > 0) release(object);
  next_release(object);
}

bool swift_isUniquelyReferenced_nonNull_native(const void *object);
bool swift_isUniquelyReferenced_nonNull_native(const void *object) {
  bool is_unique = next_is_unique(object);
  if (is_unique) acquire((void *)object);
  return is_unique;
}
