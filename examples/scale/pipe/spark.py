"""Faces of the photos of a list, by Spark: spark-submit spark.py LIST OUT

A partition is one process of pipe/detect.sh, which every executor has, with the photos under the same names. Spark runs a
partition that failed anew and takes its output once.
"""
import sys
from pathlib import Path

from pyspark.sql import SparkSession

PHOTOS_A_PARTITION = 2000

photo_list, out = sys.argv[1:]
spark = SparkSession.builder.appName("detect-faces").getOrCreate()
photos = spark.sparkContext.textFile(photo_list)
partitions = max(1, photos.count() // PHOTOS_A_PARTITION)
command = str(Path(__file__).with_name("detect.sh").resolve())
photos.repartition(partitions).pipe(command, checkCode=True).saveAsTextFile(out)
