// What Swift's Glibc module does not show: calls that exist only as system calls or as macros.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <errno.h>
#include <sys/types.h>

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

/// A descriptor that becomes readable when the process ends (pidfd_open(2), Linux 5.3);
/// -1 with errno ENOSYS where there is no such call.
static inline int cplatform_pidfd_open(pid_t pid) {
#if defined(__linux__) && defined(SYS_pidfd_open)
  return (int)syscall(SYS_pidfd_open, pid, 0);
#else
  (void)pid;
  errno = ENOSYS;
  return -1;
#endif
}

#ifdef __linux__
extern char **environ;
#else
#include <crt_externs.h>
#endif

/// The variables of this process as "NAME=VALUE", up to a NULL (environ(7)).
static inline char **cplatform_environment(void) {
#ifdef __linux__
  return environ;
#else
  return *_NSGetEnviron();
#endif
}

#endif
