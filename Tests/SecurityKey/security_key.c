/*
 * A security key in software, for ssh's SecurityKeyProvider (the interface is OpenSSH's PROTOCOL.u2f, version 10).
 *
 * A key handle is the private key itself, so it protects nothing: it is for tests alone. From the environment:
 *   SMT_KEY_TOUCH   a FIFO; a signature waits until somebody writes to it, as a key waits to be touched
 *   SMT_KEY_PIN     the PIN, for keys that want one
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 0x000a0000, ALGORITHM_ED25519 = 1, NID_ED25519 = 1087 };
enum { FLAG_TOUCH = 1, FLAG_PIN = 4 };
enum { FAILED = -1, UNSUPPORTED = -2, PIN_REQUIRED = -3 };
enum { KEY = 32, DIGEST = 32, SIGNATURE = 64, MESSAGE = DIGEST + 1 + 4 + DIGEST };

struct sk_option;
struct sk_enroll_response {
  uint8_t flags;
  uint8_t *public_key;
  size_t public_key_len;
  uint8_t *key_handle;
  size_t key_handle_len;
  uint8_t *signature;
  size_t signature_len;
  uint8_t *attestation_cert;
  size_t attestation_cert_len;
  uint8_t *authdata;
  size_t authdata_len;
};
struct sk_sign_response {
  uint8_t flags;
  uint32_t counter;
  uint8_t *sig_r;
  size_t sig_r_len;
  uint8_t *sig_s;
  size_t sig_s_len;
};

/* ssh is linked to libcrypto, so it is there; its headers may not be. */
static void *crypto(const char *name) {
  static void *library;
  if (library == NULL) library = dlopen("libcrypto.so.3", RTLD_NOW);
  if (library == NULL) library = dlopen("libcrypto.so.1.1", RTLD_NOW);
  return library == NULL ? NULL : dlsym(library, name);
}

static void *private_key(const uint8_t *handle) {
  void *(*make)(int, void *, const uint8_t *, size_t) = crypto("EVP_PKEY_new_raw_private_key");
  return make == NULL ? NULL : make(NID_ED25519, NULL, handle, KEY);
}

static int has_touch(void) {
  const char *path = getenv("SMT_KEY_TOUCH");
  if (path == NULL) return 1;
  char byte;
  int fifo = open(path, O_RDONLY | O_CLOEXEC);
  int is_touched = fifo >= 0 && read(fifo, &byte, 1) == 1;
  if (fifo >= 0) close(fifo);
  return is_touched;
}

uint32_t sk_api_version(void) { return VERSION; }

int sk_enroll(uint32_t algorithm, const uint8_t *challenge, size_t challenge_len, const char *application,
              uint8_t flags, const char *pin, struct sk_option **options, struct sk_enroll_response **response) {
  int (*randomize)(uint8_t *, int) = crypto("RAND_bytes");
  int (*public_key)(void *, uint8_t *, size_t *) = crypto("EVP_PKEY_get_raw_public_key");
  if (algorithm != ALGORITHM_ED25519) return UNSUPPORTED;
  struct sk_enroll_response *made = calloc(1, sizeof *made);
  if (made == NULL || randomize == NULL || public_key == NULL) return FAILED;
  made->flags = flags;
  made->key_handle = malloc(made->key_handle_len = KEY);
  made->public_key = malloc(made->public_key_len = KEY);
  /* Nobody attests this key, but ssh wants the field. */
  made->signature = calloc(1, 1);
  if (randomize(made->key_handle, KEY) != 1) return FAILED;
  if (public_key(private_key(made->key_handle), made->public_key, &made->public_key_len) != 1) return FAILED;
  *response = made;
  return 0;
}

int sk_sign(uint32_t algorithm, const uint8_t *data, size_t data_len, const char *application,
            const uint8_t *handle, size_t handle_len, uint8_t flags, const char *pin, struct sk_option **options,
            struct sk_sign_response **response) {
  uint8_t *(*sha256)(const uint8_t *, size_t, uint8_t *) = crypto("SHA256");
  void *(*make_context)(void) = crypto("EVP_MD_CTX_new");
  int (*begin)(void *, void *, void *, void *, void *) = crypto("EVP_DigestSignInit");
  int (*sign)(void *, uint8_t *, size_t *, const uint8_t *, size_t) = crypto("EVP_DigestSign");
  const char *right = getenv("SMT_KEY_PIN");
  if (algorithm != ALGORITHM_ED25519 || handle_len != KEY) return UNSUPPORTED;
  if (sha256 == NULL || make_context == NULL || begin == NULL || sign == NULL) return FAILED;
  if (flags & FLAG_PIN && (pin == NULL || right == NULL || strcmp(pin, right) != 0)) return PIN_REQUIRED;
  if (flags & FLAG_TOUCH && !has_touch()) return FAILED;

  /* What is signed: digest of the application, flags, counter (big endian, here 1), digest of the data. */
  uint8_t message[MESSAGE] = {0};
  sha256((const uint8_t *)application, strlen(application), message);
  message[DIGEST] = flags;
  message[DIGEST + 4] = 1;
  sha256(data, data_len, message + DIGEST + 5);

  struct sk_sign_response *made = calloc(1, sizeof *made);
  void *context = make_context();
  if (made == NULL || context == NULL) return FAILED;
  made->flags = flags;
  made->counter = 1;
  made->sig_r = malloc(made->sig_r_len = SIGNATURE);
  if (begin(context, NULL, NULL, NULL, private_key(handle)) != 1) return FAILED;
  if (sign(context, made->sig_r, &made->sig_r_len, message, MESSAGE) != 1) return FAILED;
  *response = made;
  return 0;
}

int sk_load_resident_keys(const char *pin, struct sk_option **options, void ***keys, size_t *count) {
  return UNSUPPORTED;
}
