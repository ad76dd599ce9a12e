window.YTD.tweets.part0 = [
  {
    "tweet": {
      "id": "1",
      "id_str": "1",
      "full_text": "tuit 1 &lt;3",
      "created_at": "Sat Feb 18 12:33:11 +0000 2023"
    }
  },
  {
    "tweet": {
      "id": "2",
      "id_str": "2",
      "full_text": "tuit 2 &lt;3",
      "created_at": "Sat Feb 18 12:33:11 +0000 2023"
    }
  }
];
