/* checkpassword: auth-check as a front end of the checkpassword interface. */
#ifndef AUTH_CHECK_CHECKPASSWORD_H
#define AUTH_CHECK_CHECKPASSWORD_H

/* `auth-check [-r ROOT] --checkpassword PROGRAM ARGUMENTS`: never returns. */
int checkpassword_main(int argc, char **argv);

#endif
