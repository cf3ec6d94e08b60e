# SPDX-License-Identifier: GPL-2.0-only
# What arm64's machine has otherwise than selftests/vm/devices says. The kernel's
# SMMUv3 driver refuses a second device behind a bridge that gives all of them one
# stream. Two functions of one device have a stream each, and are in one group too.
s|pcie-pci-bridge,id=conventional|pcie-root-port,id=conventional,chassis=5|
s|07\.0/01\.0|07.0/00.0|
s|07\.0/02\.0|07.0/00.1|
s|id=ivshmem-hot-a|&,multifunction=on|
