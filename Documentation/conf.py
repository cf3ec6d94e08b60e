# SPDX-License-Identifier: GPL-2.0-only
# Sphinx's configuration; see ./build.
import os
import sys

sys.path.insert(0, os.path.join(os.environ["srctree"], "Documentation/sphinx"))

project = "vfio-pci-dmabuf-mmap"
copyright = "the vfio_pci_dmabuf_mmap developers"
release = open("../VERSION").read().strip()
author = "The vfio_pci_dmabuf_mmap developers"

extensions = ["kerneldoc"]
kerneldoc_srctree = os.path.abspath("..")

exclude_patterns = ["man"]
highlight_language = "none"
html_theme = "alabaster"
html_theme_options = {"page_width": "60em", "body_max_width": "none"}
html_show_sourcelink = False
