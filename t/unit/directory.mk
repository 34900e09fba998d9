check_PROGRAMS += t/unit/directory-socketmap t/unit/directory-auth-line t/unit/base-base64
t_unit_directory_socketmap_SOURCES = t/unit/directory-socketmap.c t/unit/tap.h
t_unit_directory_auth_line_SOURCES = t/unit/directory-auth-line.c t/unit/tap.h
t_unit_base_base64_SOURCES = t/unit/base-base64.c t/unit/tap.h
check_PROGRAMS += t/unit/directory-secret
t_unit_directory_secret_SOURCES = t/unit/directory-secret.c t/unit/tap.h
noinst_PROGRAMS += t/auth/auth-ask
t_auth_auth_ask_SOURCES = t/auth/auth-ask.c
