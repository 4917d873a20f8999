// What the packages lack, kept by hand.

// Free-mail domains that the list misses.
export const freeMailMissing = ['vip.163.com', 'wo.cn', 'vip.188.com', '163.net', 'chinaren.com'];

// Common passwords of Chinese users of eight and more characters.
export const commonChinese = [
  'woaini520', 'woaini521', 'woaini1314', 'woaini123', 'woaiwojia', 'woaini1314520', 'wojiushiwo', 'woshishui',
  '5201314520', '5201314a', 'a5201314', '52013140', '13145200', '1314520a', '1314521a', '520131400', '5845201314',
  '7758521a', '77585210', '3344520a', '100200300', '147258369', '123123123', '12345678a', '123456789a', 'a12345678',
  'a123456789', 'aa123456', 'aa12345678', 'aaa123456', 'abc123456', 'abcd1234', 'abc12345', 'asd123456', 'asdf1234',
  'qq123456', 'qq123456789', 'qwe123456', 'qwer1234', 'qaz123456', '1q2w3e4r', '1qaz2wsx', '1qaz2wsx3edc', 'zxcvbnm123',
  'zz123456', 'zhang123', 'wang1234', 'li123456', 'admin123', 'admin888', 'admin1234', 'admin123456', 'administrator',
  'p@ssw0rd', 'p@ssword', 'password123', 'passw0rd123', 'root1234', 'test1234', 'test123456', 'welcome1', 'changeme',
  'iloveyou1314', 'iloveyou520', '88888888', '66666666', '99999999', '00000000', '11223344', '12344321', '123454321',
  '123321123', '1234554321', '0123456789', '01234567', '9876543210', '98765432', '987654321', '1122334455',
  'dearbook', 'xiazhili', 'wocaonima', 'nihao123', 'nihao123456', 'zhongguo', 'beijing2008', 'shanghai', 'tiantian',
  'kehu1234', 'kehu123456', 'kehu2026', 'customer', 'customer123',
];

// The 55 recognised ethnic groups as they stand in the names of autonomous regions; longest first.
export const ethnicGroups = [
  '柯尔克孜', '维吾尔', '塔吉克', '哈萨克', '俄罗斯', '鄂伦春', '鄂温克', '达斡尔', '仫佬族', '毛南族', '土家族', '布依族',
  '朝鲜族', '蒙古族', '哈尼族', '傈僳族', '拉祜族', '纳西族', '景颇族', '布朗族', '撒拉族', '锡伯族', '仡佬族', '阿昌族',
  '普米族', '德昂族', '保安族', '裕固族', '独龙族', '基诺族', '高山族', '各族', '东乡族', '满族', '回族', '苗族', '彝族',
  '壮族', '侗族', '瑶族', '白族', '黎族', '傣族', '畲族', '佤族', '水族', '土族', '羌族', '怒族', '京族', '藏族', '蒙古',
];
