#!/bin/sh
# Names of photos on standard input, a line of JSON each on standard output: what Spark and Ray run for each partition.
# RETINAFACE: the command, where it is not on the PATH. Exit code 1 of it says that some photos failed: they have lines.
${RETINAFACE:-npx retinaface} detect --from - --backend wasm --threads "${THREADS:-1}" --max-side 1280 || [ $? = 1 ]
