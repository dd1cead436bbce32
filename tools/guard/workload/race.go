package main

var raceOps = map[string]operation{}
