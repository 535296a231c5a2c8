/* ctl.h - the binary under the name `knetctl`: the command line. */
#pragma once

int ctl_main(int argc, char **argv);
