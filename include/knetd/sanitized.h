/* sanitized.h - SANITIZED: is this built with AddressSanitizer (gcc's word for it, or clang's)? */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif
