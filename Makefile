# SPDX-License-Identifier: GPL-2.0-only
# Without a target: the module, for the running kernel. "make help" lists more.

KDIR ?= /lib/modules/$(shell uname -r)/build
VM := $(CURDIR)/selftests/vm

# As the kernel's own build takes them from the command line.
export BUILD KERNELS V DROPIN

all: modules

# What the caller says about the compiler wins.
ifeq ($(origin LLVM) $(origin CC),undefined default)
llvm = llvm=$$(sh $(CURDIR)/probes/llvm $(KDIR)) &&
endif

# DROPIN=1: as vfio-pci.ko, from a copy of the source. In a folder of its own, as
# "make modules_install" installs what was built last.
ifeq ($(DROPIN),1)
module := $(abspath $(or $(BUILD),build))/dropin
copied := dropin
else ifneq ($(DROPIN),)
$(error DROPIN=$(DROPIN): it is DROPIN=1 or nothing)
else
module := $(CURDIR)
endif

modules: | kdir $(copied)
	$(llvm) $(MAKE) -C $(KDIR) M=$(module) $$llvm $@

# The kernel's makefiles leave depmod out where the headers have no System.map:
# Debian's have none. Its 6.1 does not answer "kernelrelease" with the name of the
# folder in /lib/modules. Old ones would install into "extra".
modules_install: | kdir
	$(llvm) $(MAKE) -C $(KDIR) M=$(module) \
		INSTALL_MOD_DIR=$(or $(INSTALL_MOD_DIR),updates) $$llvm $@
	depmod $(addprefix -b ,$(INSTALL_MOD_PATH)) \
		$$(sed -n 's/.*UTS_RELEASE "\(.*\)".*/\1/p' \
			$(KDIR)/include/generated/utsrelease.h)

# Cleaning needs the kernel's build system too; what it leaves is in build/.
clean: | kdir $(copied)
	$(MAKE) -C $(KDIR) M=$(module) $@

dropin:
	@mkdir -p $(module)
	@find Kbuild VERSION *.c *.h include/uapi probes -type f ! -name '*.mod.c' \
		! -name '.*' -exec cp -pu --parents -t $(module) {} +
	@[ ! -e .probes ] || cp -pu .probes $(module)

kdir:
	@test -e "$(KDIR)/Makefile" || { \
	echo "no kernel headers in $(KDIR)"; \
	echo "install linux-headers-$(shell uname -r), or say KDIR=/path/to/headers"; \
	exit 1; } >&2

check:
	@$(VM)/check $(T)

demo:
	@$(VM)/demo

shell:
	@$(VM)/vm $(addprefix --kernel ,$(firstword $(KERNELS))) --shell

update:
	@$(VM)/kernel --update $(KERNELS)

distclean:
	rm -rf --one-file-system $(or $(BUILD),build)

include $(wildcard $(addsuffix targets.mk,$(addprefix $(CURDIR)/,*/ selftests/*/ integration/*/)))

help:
	@echo 'For the kernel that runs here, or the headers of KDIR=:'
	@echo '  make                  vfio-pci-dmabuf-mmap.ko, as "make modules"; LLVM=1 or'
	@echo '                        CC= if not by the compiler that built the kernel'
	@echo '  make modules_install  install it, as root'
	@echo '  make DROPIN=1         the same driver as vfio-pci.ko, in the place of the'
	@echo '                        kernel'"'"'s, in BUILD=/dropin; with modules_install, too'
	@echo '  make clean            remove what "make" made'
	@echo '  make dkms-install     through DKMS, for all kernels, as root; DROPIN=1 as'
	@echo '                        vfio-pci.ko'
	@echo '  make dkms-uninstall   take it away; with DROPIN=1 that one'
	@echo
	@echo 'On this host, with its own compiler, in seconds:'
	@echo '  make unit             the unit tests of library, tool and table of ranges;'
	@echo '                        T=lib_open that program, T=all the slower scripts, too'
	@echo
	@echo 'In a virtual machine; the host needs only make and git. What they make'
	@echo 'and fetch is in BUILD= (default: build), about 3 GB. Where the host is no'
	@echo 'Debian: selftests/container/run make demo'
	@echo '  make demo             a primary lends BAR slices to a subordinate'
	@echo '  make check            the tests, on the kernels of selftests/vm/kernels;'
	@echo '                        KERNELS="7.2 ..." on these,'
	@echo '                        T=export or T=export.some_test that one alone,'
	@echo '                        V=1 with all their output; DROPIN=1 on vfio-pci.ko'
	@echo '  make check-hw         a device of this host: BDF= BAR= RANGE=OFFSET+LENGTH, which'
	@echo '                        it reads; WRITE=1 writes there, too, RESET=1 resets it'
	@echo '  make selftests-install  that test, to run without this tree; DESTDIR=, PREFIX='
	@echo '  make check-debug      the tests on a kernel with KASAN, lockdep and kmemleak'
	@echo '  make check-kcsan      those that race, on a kernel that looks for data races'
	@echo '  make check-arm64      the tests on arm64, with pages of 4 and of 16 KiB'
	@echo '  make check-builds     the module, compiled for all kernels that Debian has'
	@echo '  make check-static     sparse, clang, checkpatch and others; T=checkpatch that one'
	@echo '  make check-tracing    the commands of Documentation/tracing.rst'
	@echo '  make qemu             QEMU with pictures in BARs, see Documentation/qemu.rst'
	@echo '  make check-qemu       its tests, in the test machine; T=some_test that one alone'
	@echo '  make qemu-picture     its screen, put into Documentation/'
	@echo '  make abicheck         the library against the ABI of the last release'
	@echo '  make abistore         keep its ABI as that of a release'
	@echo '  make check-clients    driverctl, testpmd and others on vfio-pci and ours;'
	@echo '                        T=driverctl that client alone, T=quick the short ones'
	@echo '  make clients-doc      put what it found into Documentation/'
	@echo '  make check-packages   the packages and DKMS, tried in scratch systems, as root'
	@echo '  make coverage         which lines of the driver the tests run'
	@echo '  make fuzz             random calls, and random tables of ranges'
	@echo '  make bench            figures, against stock vfio-pci'
	@echo '  make bench-doc        put them into Documentation/'
	@echo '  make deb              Debian packages for this release, as root'
	@echo '  make dist             the source as a tarball; needs git'
	@echo '  make docs             the documentation as web pages'
	@echo '  make shell            a shell in the machine'
	@echo '  make update           newer kernels, if Debian has some'
	@echo '  make distclean        remove the build folder'

.PHONY: all modules modules_install clean dropin kdir check demo shell update distclean help
