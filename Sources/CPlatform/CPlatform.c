// Keeps the C target non-empty; everything is in the header.
#include "CPlatform.h"
