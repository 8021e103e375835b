# SPDX-License-Identifier: Apache-2.0
#
# Cross build for arm64 Linux with Debian's gcc-aarch64-linux-gnu:
#   cmake -S . -B build/arm64 --toolchain cmake/aarch64-linux-gnu.cmake
# Headers and libraries come only from the sysroot (tools/sysroot), never from this machine.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

execute_process(
	COMMAND "${CMAKE_CURRENT_LIST_DIR}/../tools/sysroot"
	OUTPUT_VARIABLE CMAKE_SYSROOT
	OUTPUT_STRIP_TRAILING_WHITESPACE
	COMMAND_ERROR_IS_FATAL ANY)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(ENV{PKG_CONFIG_SYSROOT_DIR} "${CMAKE_SYSROOT}")
set(ENV{PKG_CONFIG_LIBDIR}
	"${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${CMAKE_SYSROOT}/usr/share/pkgconfig")
